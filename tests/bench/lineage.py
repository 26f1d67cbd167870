"""Lookups in a full ledger: one id and a snapshot's counts from a cold shell, live and archived; bytes a row.

``BENCH_ROWS`` is a list of sizes (default: 100000 1000000 10000000), ``BENCH_DATABASES`` one of databases (default:
sqlite postgresql). Inputs are real flights; the rows lie evenly over the last 200 days, and those older than 90 days
are archived.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import datetime as dt
import hashlib
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from pulse_blocks.archive.maintaining import seal
from pulse_blocks.archive.moving import move
from pulse_blocks.demo.flights import write_flights
from pulse_blocks.ids import base32
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.columns import features
from tests.lineage_world import World
from tests.postgres_server import PostgresServer, running_postgres

ROOT = Path(__file__).parents[2]
_DAYS, _LIVE_DAYS = 200, 90
_FLIGHTS, _GROUP, _TIMES = 50_000, 5_000, 5


def main() -> None:
    """A block of figures for each size and database."""
    sizes = _listed("BENCH_ROWS", "100000 1000000 10000000")
    with tempfile.TemporaryDirectory() as temporary, running_postgres() as server:
        inputs = real_inputs(Path(temporary))
        for rows in map(int, sizes):
            for database in _listed("BENCH_DATABASES", "sqlite postgresql"):
                with tempfile.TemporaryDirectory() as folder:
                    _measure(Path(folder), database, server, inputs, rows)


def _listed(variable: str, otherwise: str) -> list[str]:
    return os.environ.get(variable, otherwise).replace(",", " ").split()


def real_inputs(folder: Path) -> list[tuple[str, bytes]]:
    """Flights as the runtime stores them, with their hashes."""
    protocol = loading.load(ROOT / "protocols" / "flight-delay.yaml")
    write_flights(folder / "flights.db")
    with sqlite3.connect(folder / "flights.db") as db:
        db.row_factory = sqlite3.Row
        query = protocol.source.query.replace(":start", "'2013-01-01'").replace(":end", "'2013-04-01'")
        found = db.execute(query).fetchmany(_FLIGHTS)
    db.close()
    names = [column.name for column in features(protocol)]
    texts = [msgspec.json.encode({name: row[name] for name in names}) for row in found]
    return [(text.decode(), hashlib.sha256(text).digest()) for text in texts]


def rows_of(model: str, inputs: list[tuple[str, bytes]], count: int) -> Iterator[list[InferenceTuple]]:
    """Groups of rows by id, evenly over the last days."""
    chance = random.Random(7)  # noqa: S311  rows, no secrets
    now = int(time.time() * 1000)
    start = now - _DAYS * 86_400_000
    for first in range(0, count, _GROUP):
        group: list[InferenceTuple] = []
        for number in range(first, min(first + _GROUP, count)):
            ms = start + (now - start) * number // count
            text, sha256 = inputs[number % len(inputs)]
            probability = chance.random()
            output = msgspec.json.encode({"probability": probability, "decision": probability >= 0.5})
            group.append(
                (
                    f"inference_{base32(ms << 80 | chance.getrandbits(80))}", ms * 1000 + 417, ms * 1000, None, model,
                    text, output.decode(), sha256, hashlib.sha256(output).digest(), chance.randrange(300, 900), 0,
                )
            )  # fmt: skip
        yield sorted(group)


def _measure(
    folder: Path, database: str, server: PostgresServer, inputs: list[tuple[str, bytes]], count: int
) -> None:
    if database == "postgresql":
        (folder / ".pulse").mkdir()
        (folder / ".pulse" / "workspace.toml").write_text(f'ledger = "{server.new_database()}"\n')
    world = World(folder)
    snapshot = world.snapshot()
    model = world.keep(world.train(snapshot), snapshot).model
    started, samples = time.perf_counter(), []
    for group in rows_of(model, inputs, count):
        world.ledger.append(group)
        samples.append(group[len(group) // 2][0])
    print(f"\n{database}, {count:,} inferences (filled in {time.perf_counter() - started:.0f} s)", flush=True)
    before = _bytes(world.ledger, folder, database)
    _cold(folder, samples[-1], times=1)  # writes the bytecode, which an installed package has
    _told("one live id", _cold(folder, samples[-1]))
    _told("counts of a snapshot, none kept", _cold(folder, snapshot.id))
    seal(world.ledger, dt.datetime.now(dt.UTC))
    _told("counts of a snapshot, old ones kept", _cold(folder, snapshot.id))
    started = time.perf_counter()
    moved = move(world.ledger, world.store, "tiny", dt.datetime.now(dt.UTC) - dt.timedelta(days=_LIVE_DAYS))
    seconds = time.perf_counter() - started
    print(f"  archived {moved.rows:,} of them in {seconds:.1f} s, {len(moved.files):,} files", flush=True)
    seal(world.ledger, dt.datetime.now(dt.UTC))
    _told("one archived id", _cold(folder, samples[0]))
    _told("counts of a snapshot after that", _cold(folder, snapshot.id))
    live, archived = before / count, moved.bytes / moved.rows
    print(f"  bytes an inference: live {live:.0f}, archived {archived:.0f}, one {live / archived:.1f}th")
    world.ledger.close()


def _cold(folder: Path, asked: str, times: int = _TIMES) -> list[float]:
    """Seconds of ``pulse lineage``, each in a process of its own."""
    command = [sys.executable, "-m", "pulse_blocks", "lineage", asked]
    environment = {**os.environ, "PULSE_ROOT": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    return [
        _timed(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))
        for _ in range(times)
    ]


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _told(what: str, seconds: list[float]) -> None:
    print(f"  {what}: {statistics.median(seconds):.2f} s (worst {max(seconds):.2f} s)", flush=True)


def _bytes(ledger: Ledger, folder: Path, database: str) -> int:
    """What the inferences take on disk, their indexes included."""
    if database == "postgresql":
        return int(ledger._database.read("select pg_total_relation_size('inferences')")[0][0])
    ledger._database.read("pragma wal_checkpoint(truncate)")
    return (folder / ".pulse" / "ledger.db").stat().st_size
