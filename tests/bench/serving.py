"""Requests a second beside peers: the same model, one record a request, every body another.

Pulse with everything on (auth key, contract, ledger row on disk before the reply, hashes, metrics; the cache misses
each time) beside a bare FastAPI route that only calls ``Booster.predict``, BentoML with adaptive batching, LitServe,
``mlflow models serve``, and a constant answer under uvicorn. BentoML and MLflow check what they are sent in their own
ways (a type, a signature), and are shown without that as well (``-any``). One process each, loaded in turn; medians.
CPU is the servers' own time a request, which other load on the machine changes less than rates. BENCH_SECONDS and
BENCH_RUNS make it shorter; what was asked for is judged by the ratios of one run.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import load, serving_bulk, serving_servers
from tests.bench.open_loop import Latency
from tests.bench.processes import RUNS, judged, load_average
from tests.bench.serving_servers import Ready, Server
from tests.tiny_project import ROOT

CONNECTIONS = (1, 16, 64)
SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
OFFERED = 2000.0
COMPILED_SECONDS = 10.0
PEERS: tuple[Callable[[Ready], contextlib.AbstractContextManager[Server]], ...] = (
    serving_servers.fastapi,
    serving_servers.bentoml,
    serving_servers.litserve,
    serving_servers.mlflow,
    serving_servers.uvicorn,
)
# By peer: how many times its rate was asked for, at so many connections.
ASKED = {
    ("fastapi", 16): 2.7, ("fastapi", 64): 3.5, ("bentoml", 16): 12.0, ("litserve", 16): 8.0, ("mlflow", 16): 60.0,
}  # fmt: skip

Runs = dict[tuple[str, int], list[tuple[load.Load, float]]]


def main() -> None:
    """Print tables and ratios."""
    if not load.is_installed():
        print("wrk is not installed here (Debian: apt-get install wrk): nothing was measured.")
        return
    print(f"load average before: {load_average()}")
    with tempfile.TemporaryDirectory() as name:
        ready = serving_servers.prepare(Path(name))
        with contextlib.ExitStack() as running:
            # One after the other: who starts while another one starts would seem slow to start.
            servers = [running.enter_context(serving_servers.pulse(ready))]
            servers += [running.enter_context(peer(ready)) for peer in PEERS]
            _peers(servers, ready)
        _unchecked(ready)
        _ways(ready)
        _compiled(ready)
    print(f"load average after: {load_average()}")


def _peers(servers: Sequence[Server], ready: Ready) -> None:
    runs = _measure(servers, ready, CONNECTIONS)
    _print_table(servers, runs)
    for (peer, connections), least in ASKED.items():
        ratio = _rate(runs, "pulse", connections) / _rate(runs, peer, connections)
        judged(f"times {peer} at {connections} connections", ratio, "x", least, least=True)
    for server in servers:
        cold, memory = server.cold, _memory_mb(server.process.pid)
        print(f"  {server.name:8} exec to first answer {cold:6.2f} s, resident {memory:5.0f} MB")
    pulse, fastapi, bentoml = servers[:3]
    _cache_hits(pulse, ready, _rate(runs, "pulse", 16))
    _open_loop(pulse, fastapi)
    peer = serving_bulk.rate(bentoml, "records")
    for form in ("instances", "Arrow"):
        found = serving_bulk.rate(pulse, form)
        print(f"  {serving_bulk.ROWS} rows a body, {form}: {found:,.0f} rows/s; BentoML in JSON {peer:,.0f}")
        judged(f"times BentoML's rows, {form}", found / peer, "x", 9.0, least=True)


def _unchecked(ready: Ready) -> None:
    """BentoML and MLflow where they take anything, which they need not be compared with but should be known."""
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(serving_servers.pulse(ready, "checked")),
            running.enter_context(serving_servers.bentoml(ready, checked=False)),
            running.enter_context(serving_servers.mlflow(ready, checked=False)),
        ]
        _print_table(servers, _measure(servers, ready, (16,)))
        found = serving_bulk.rate(servers[1], "records")
        print(f"  {serving_bulk.ROWS} rows a body, bentoml-any in JSON: {found:,.0f} rows/s")


def _cache_hits(pulse: Server, ready: Ready, misses: float) -> None:
    rates = [_load(pulse, ready, 16, number, repeated=True).rate for number in range(RUNS)]
    print(f"  cache hits: {statistics.median(rates):,.0f} requests/s")
    judged("cache hits over misses", statistics.median(rates) / misses, "x", 1.3, least=True)


def _open_loop(pulse: Server, fastapi: Server) -> None:
    """Both at a fixed rate, in turn."""
    found: dict[str, list[Latency]] = {}
    for _ in range(RUNS):
        for server in (pulse, fastapi):
            found.setdefault(server.name, []).append(_offer(server))
    middle = {
        (name, what): statistics.median(getattr(one, what) for one in some)
        for name, some in found.items()
        for what in ("rate", "p50", "p99", "worst")
    }
    for name in found:
        told = ", ".join(f"{what} {middle[name, what]:,.2f}" for what in ("p50", "p99", "worst"))
        print(f"  {OFFERED:,.0f} requests/s offered, {name}: {middle[name, 'rate']:,.0f} answered; {told} ms")
    for what in ("p50", "p99"):
        ratio = middle["pulse", what] / middle["fastapi", what]
        judged(f"{what} at {OFFERED:,.0f} requests/s over FastAPI's", ratio, "x", 1.0)


def _offer(server: Server) -> Latency:
    specification = {
        "url": server.address, "path": server.path, "bodies": server.bodies, "headers": server.headers,
        "rate": OFFERED, "seconds": SECONDS,
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.bench.open_loop"]
    done = subprocess.run(
        command, input=json.dumps(specification), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Latency(*json.loads(done.stdout))


def _ways(ready: Ready) -> None:
    """Pulse with other durability, another ledger and more workers, beside a FastAPI route again."""
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(serving_servers.pulse(ready, "full")),
            running.enter_context(serving_servers.pulse(ready, "process", durability="process")),
            running.enter_context(serving_servers.pulse(ready, "2 workers", workers=2)),
            running.enter_context(serving_servers.pulse(ready, "4 workers", workers=4)),
            running.enter_context(serving_servers.fastapi(ready)),
        ]
        if ledger := _postgres(running):
            servers.append(running.enter_context(serving_servers.pulse(ready, "postgres", ledger=ledger)))
        runs = _measure(servers, ready, (1, 16, 64))
    _print_table(servers, runs)
    judged("full over process at 16", _ratio(runs, "full", "process", 16), "x", 0.9, least=True)
    judged("4 workers over 2 at 64", _ratio(runs, "4 workers", "2 workers", 64), "x", 1.0, least=True)
    if ledger:
        judged("PostgreSQL over SQLite at 16", _ratio(runs, "postgres", "full", 16), "x", 0.7, least=True)
    for name, most in (("process", 0.75), ("full", 1.3)):
        ratio = _p50(runs, name, 1) / _p50(runs, "fastapi", 1)
        judged(f"median over FastAPI's, one connection, {name}", ratio, "x", most)


def _compiled(ready: Ready) -> None:
    """Trees as machine code: bodies of 1,000 rows, and one record a request."""
    if importlib.util.find_spec("lleaves") is None:
        print("  (The extra compiled is not installed: not measured.)")
        return
    with serving_servers.pulse(ready, "compiled", compiled=True) as server:
        while not any((ready.folder / "compiled" / ".pulse" / "compiled").glob("*.o")):
            time.sleep(1.0)
        # It has to show that it gives LightGBM's bits before it is used.
        time.sleep(COMPILED_SECONDS)
        for form in ("instances", "Arrow"):
            judged(f"rows/s compiled, {form}", serving_bulk.rate(server, form), "", 200_000, least=True)
        runs = _measure([server], ready, (16, 64))
    _print_table([server], runs)


def _postgres(running: contextlib.ExitStack) -> str | None:
    from tests.postgres_server import binaries, running_postgres

    if binaries() is None:
        print("  (PostgreSQL is not installed here: not measured.)")
        return None
    return running.enter_context(running_postgres()).new_schema()


def _measure(servers: Sequence[Server], ready: Ready, connections: Sequence[int]) -> Runs:
    found: Runs = {}
    for run in range(RUNS):
        for count in connections:
            for server in servers:
                before = _cpu_seconds(server.process.pid)
                got = _load(server, ready, count, run * 100 + count)
                cpu = (_cpu_seconds(server.process.pid) - before) / max(1.0, got.rate * SECONDS)
                found.setdefault((server.name, count), []).append((got, cpu * 1e6))
    return found


def _load(server: Server, ready: Ready, connections: int, seed: int, *, repeated: bool = False) -> load.Load:
    got = load.run(
        server.address, server.path, server.bodies, ready.folder, connections, SECONDS, seed, repeated=repeated,
        **server.headers,
    )  # fmt: skip
    if got.bad:
        raise RuntimeError(f"{server.name} refused {got.bad} requests.")
    return got


def _rate(runs: Runs, name: str, connections: int) -> float:
    return statistics.median(got.rate for got, _ in runs[name, connections])


def _p50(runs: Runs, name: str, connections: int) -> float:
    return statistics.median(got.p50 for got, _ in runs[name, connections])


def _ratio(runs: Runs, one: str, other: str, connections: int) -> float:
    return _rate(runs, one, connections) / _rate(runs, other, connections)


def _print_table(servers: Sequence[Server], runs: Runs) -> None:
    first = servers[0].name
    print(f"  {'':10} {'conn':>4} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7}  {first} is")
    for connections in dict.fromkeys(count for _, count in runs):
        for server in servers:
            some = runs[server.name, connections]
            rate, p50 = _rate(runs, server.name, connections), _p50(runs, server.name, connections)
            p99 = statistics.median(got.p99 for got, _ in some)
            cpu = statistics.median(cpu for _, cpu in some)
            ratio = _rate(runs, first, connections) / rate
            print(
                f"  {server.name:10} {connections:4} {rate:8,.0f} {p50:7.2f} {p99:7.2f} {cpu:7.0f}  {ratio:6.2f}x"
            )


def _cpu_seconds(pid: int) -> float:
    ticks = 0
    for one in serving_servers.tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in serving_servers.tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
