"""Requests a second beside peers: the same model, one record a request, every body another.

Pulse with everything on (contract, ledger row on disk before the reply, hashes, metrics; the cache misses each
time) beside a bare FastAPI route that only calls ``Booster.predict``, ``mlflow models serve``, and a constant
answer under uvicorn. One process each, wrk in turn over all of them, medians of three rounds. CPU is the
servers' own time a request, which other load on the machine changes less than rates.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import lightgbm as lgb

from tests.bench import load, served_model
from tests.served_models import SERVE

CONNECTIONS = (1, 16, 64)
ROUNDS = 3
SECONDS = 10.0
BODIES = 2000
BULK_ROWS, BULK_REQUESTS = 1000, 30
_HOLE = "0.123"


class Server(NamedTuple):
    """A server under load: where it listens, what it is asked, how long its first answer took from exec on."""

    name: str
    process: subprocess.Popen[str]
    address: str
    path: str
    bodies: list[str]
    cold: float


Found = dict[tuple[str, int], list[tuple[load.Load, float]]]


def main() -> None:
    """Print the table and the ratios."""
    if not load.is_installed():
        print("wrk is not installed here (Debian: apt-get install wrk): nothing was measured.")
        return
    print(f"load average before: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        folder = Path(name)
        servers = [running.enter_context(one) for one in _servers(folder, served_model.train())]
        found = _measure(servers, folder)
        _print_table(servers, found)
        for kind in ("JSON", "Arrow"):
            print(f"pulse, {BULK_ROWS} rows a body in {kind}: {_bulk_rate(servers[0], kind):,.0f} rows/s")
    print(f"load average after: {os.getloadavg()[0]:.1f}")


def _servers(folder: Path, booster: lgb.Booster) -> list[contextlib.AbstractContextManager[Server]]:
    workspace = served_model.workspace(folder, booster)
    text, mlflow_model = folder / "model.txt", folder / "mlflow-model"
    booster.save_model(str(text))
    _save_for_mlflow(booster, mlflow_model)
    port = [str(_free_port()) for _ in range(3)]
    mlflow = str(Path(sys.executable).with_name("mlflow"))
    records, coded = served_model.bodies(BODIES), served_model.coded_bodies(BODIES)
    predict = "/predict/scores"
    return [
        _start("pulse", [sys.executable, "-c", SERVE, workspace.root, "{}", "scores"], None, predict, records),
        _start("fastapi", [sys.executable, "-m", "tests.bench.peers.fastapi_route", str(text), port[0]], port[0],
               predict, records),
        _start("mlflow", [mlflow, "models", "serve", "-m", str(mlflow_model), "-p", port[1], "--env-manager",
                          "local"], port[1], "/invocations", coded),
        _start("uvicorn", [sys.executable, "-m", "tests.bench.peers.bare_uvicorn", str(text), port[2]], port[2],
               predict, records),
    ]  # fmt: skip


def _save_for_mlflow(booster: lgb.Booster, folder: Path) -> None:
    import mlflow.lightgbm

    mlflow.lightgbm.save_model(booster, str(folder))


@contextlib.contextmanager
def _start(name: str, command: list[str], port: str | None, path: str, bodies: list[str]) -> Iterator[Server]:
    """A server as a process, from exec to its first answer."""
    # MLflow starts uvicorn by its name.
    path_of_tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        # Only Pulse tells its address; a pipe that nobody reads would stop a server that logs.
        stdout=subprocess.PIPE if port is None else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={**os.environ, "PATH": path_of_tools, "DO_NOT_TRACK": "1"},
    )
    try:
        address = process.stdout.readline().strip() if process.stdout else f"http://127.0.0.1:{port}"
        netloc = address.removeprefix("http://")
        while _first(netloc, path, bodies[0].replace("@", _HOLE)) != http.client.OK:
            if process.poll() is not None or time.monotonic() - started > 120:
                raise RuntimeError(f"{name} did not start.")
            time.sleep(0.01)
        yield Server(name, process, address, path, bodies, time.monotonic() - started)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def _first(netloc: str, path: str, body: str) -> int | None:
    connection = http.client.HTTPConnection(netloc, timeout=20)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _measure(servers: list[Server], folder: Path) -> Found:
    found: Found = {}
    for round_ in range(ROUNDS):
        for connections in CONNECTIONS:
            for server in servers:
                before = _cpu_seconds(server.process.pid)
                got = load.run(server.address, server.path, server.bodies, folder, connections, SECONDS,
                               seed=round_ * 100 + connections)  # fmt: skip
                cpu = (_cpu_seconds(server.process.pid) - before) / max(1.0, got.rate * SECONDS)
                if got.bad:
                    raise RuntimeError(f"{server.name} refused {got.bad} requests.")
                found.setdefault((server.name, connections), []).append((got, cpu * 1e6))
    return found


def _print_table(servers: list[Server], found: Found) -> None:
    print(f"{'':8} {'conn':>4} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7} {'CPU µs':>7}  {'pulse is':>8}")
    for connections in CONNECTIONS:
        pulse = statistics.median(got.rate for got, _ in found["pulse", connections])
        for server in servers:
            runs = found[server.name, connections]
            rate = statistics.median(got.rate for got, _ in runs)
            p50 = statistics.median(got.p50 for got, _ in runs)
            p99 = statistics.median(got.p99 for got, _ in runs)
            cpu = statistics.median(cpu for _, cpu in runs)
            print(
                f"{server.name:8} {connections:4} {rate:8,.0f} {p50:7.2f} {p99:7.2f} {cpu:7.0f}"
                f"  {pulse / rate:7.2f}x"
            )
    for server in servers:
        memory = _memory_mb(server.process.pid)
        print(f"{server.name:8} exec to first answer {server.cold:6.2f} s, resident {memory:5.0f} MB")


def _bulk_rate(server: Server, kind: str) -> float:
    """Rows a second on one connection, bodies made before the clock starts."""
    records = [json.loads(body.replace("@", _HOLE)) for body in server.bodies[:BULK_ROWS]]
    bodies = []
    for number in range(BULK_REQUESTS):
        rows = [{**record, "f00": number / 1000 + at / 1e6} for at, record in enumerate(records)]
        bodies.append(_arrow(rows) if kind == "Arrow" else json.dumps({"instances": rows}).encode())
    content = "application/vnd.apache.arrow.stream" if kind == "Arrow" else "application/json"
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=60)
    times = []
    for body in bodies:
        started = time.perf_counter()
        connection.request("POST", server.path, body, {"Content-Type": content})
        response = connection.getresponse()
        response.read()
        assert response.status == http.client.OK
        times.append(time.perf_counter() - started)
    connection.close()
    return BULK_ROWS / statistics.median(times)


def _arrow(rows: list[dict[str, object]]) -> bytes:
    import pyarrow as pa

    table, sink = pa.Table.from_pylist(rows), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _tree(pid: int) -> list[int]:
    """A process and those below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(child) for child in children.read_text().split()] if children.exists() else []
    return [pid, *(one for child in below for one in _tree(child))]


def _cpu_seconds(pid: int) -> float:
    ticks = 0
    for one in _tree(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _tree(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
