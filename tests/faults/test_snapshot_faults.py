"""A snapshot is whole or not there, and no wrong bit passes: processes killed, and bits flipped, by the hundred."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.records import RawBatch, from_json
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import all_snapshots, load, load_profile, load_sample, read_chunk
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import Store, open_store

FULL = os.environ.get("PULSE_FAULTS", "short") == "full"
KILLS, FLIPS = (100, 500) if FULL else (10, 50)
ROWS = 60_000

# A process of its own that ingests and commits; it says when it begins and hands over what it ingested.
WORK = """
import sys
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.records import Column, ProtocolRef, RawBatch, to_json
from pulse_blocks.settings import Datasource
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources import Query, open_source
from pulse_blocks.stores import open_store
import adbc_driver_sqlite.dbapi, datasketches, pyarrow.parquet

def column(name, kind):
    return ColumnSpec(name=name, role="column", field=FieldSpec(type=kind))

columns = (column("k", "int"), column("x", "float"), column("w", "string"))
source = open_source(Datasource("sqlite:///" + sys.argv[1]))
store = open_store(sys.argv[2])
print("begin", flush=True)
sys.stdin.readline()
query = Query(datasource="t", sql="select * from t", columns=columns, key=("k",))
written = write_chunks(store, source.stream(query), query.key)
raw = RawBatch(
    protocol=ProtocolRef(name="t", version="1.0.0", digest="0" * 64), datasource="t", query="select * from t",
    window=None, columns=tuple(Column(name=c.name, type=c.field.type, nullable=True) for c in columns),
    chunks=written.chunks, content=written.content, rows=written.rows, new_bytes=written.new_bytes, left_out=(),
)
print(to_json(raw).decode(), flush=True)
print(commit(store, raw).id, flush=True)
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table to ingest."""
    path = tmp_path_factory.mktemp("source") / "t.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (k integer primary key, x real, w text)")
        cells = ((number, number / 7, f"word {number % 100}") for number in range(ROWS))
        connection.executemany("insert into t values (?, ?, ?)", cells)
    connection.close()
    return path


def _begin(database: Path, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, str(database), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    process.stdin.write("\n")
    process.stdin.flush()
    return process


def _whole(database: Path, folder: Path) -> tuple[RawBatch, float]:
    """What an undisturbed process ingests, and the seconds it takes from begin to end."""
    process = _begin(database, folder)
    started = time.perf_counter()
    assert process.stdout is not None
    raw = from_json(process.stdout.readline().encode(), RawBatch)
    assert process.stdout.readline().startswith("snap_")
    took = time.perf_counter() - started
    assert process.wait() == 0
    return raw, took


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_killed_at_any_moment(database: Path, tmp_path: Path) -> None:
    """After a SIGKILL there is a sound snapshot or none, and the next run ends with the one there should be."""
    raw, took = _whole(database, tmp_path / "undisturbed")
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    died = finished = 0
    for _ in range(KILLS):
        folder = tmp_path / "killed"
        process = _begin(database, folder)
        time.sleep(chance.uniform(0, 1.2 * took))
        process.kill()
        died += process.wait() == -signal.SIGKILL
        store = open_store(str(folder))
        found = list(all_snapshots(store))
        finished += len(found)
        assert all(verify(store, snapshot).ok for snapshot in found)
        again, _took = _whole(database, folder)
        assert (again.content, again.chunks) == (raw.content, raw.chunks)
        (only,) = all_snapshots(store)
        assert only.hash == raw.content
        assert verify(store, only).ok
        shutil.rmtree(folder)
    print(f"\nsnapshot: {KILLS} runs, {died} killed, {finished} of them after the manifest")  # noqa: T201
    assert died > KILLS // 2


def _read_all(store: Store, snapshot_id: str) -> None:
    """What training, lineage and drift read."""
    snapshot = load(store, snapshot_id)
    for chunk in snapshot.chunks:
        read_chunk(store, chunk)
    load_profile(store, snapshot)
    load_sample(store, snapshot)


@pytest.mark.faults
def test_any_flipped_bit(database: Path, tmp_path: Path) -> None:
    """Whatever bit of whatever file changes, reading refuses; a commit over it refuses a damaged chunk."""
    raw, _ = _whole(database, tmp_path / "store")
    store = open_store(str(tmp_path / "store"))
    (snapshot,) = all_snapshots(store)
    keys = list(store.keys(""))
    chance = random.Random(7)  # noqa: S311 - places, no secrets
    for number in range(FLIPS):
        key = keys[number % len(keys)]
        path = Path(store.locate(key))
        good = path.read_bytes()
        bad = bytearray(good)
        bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(PulseError):
            _read_all(store, snapshot.id)
        if key.startswith("chunks/"):
            with pytest.raises(PulseError, match=key.rpartition("/")[2].removesuffix(".parquet")):
                commit(store, raw)
        path.write_bytes(good)
    _read_all(store, snapshot.id)
