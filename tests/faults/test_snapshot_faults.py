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
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.records import RawBatch, from_json
from pulse_blocks.snapshots import garbage
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import all_snapshots, load, load_profile, load_sample, read_chunk
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import Store, open_store

FULL = os.environ.get("PULSE_FAULTS", "short") == "full"
KILLS, FLIPS = (200, 500) if FULL else (20, 50)
ROWS = 60_000
ROUNDS = 20 if FULL else 2
NOTHING = garbage.Roots(chunks=frozenset(), models=frozenset(), snapshots=frozenset())
Tell = Callable[[str, str, str], None]

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
@pytest.mark.timeout(3000)
def test_killed_at_any_moment(database: Path, tmp_path: Path, tell: Tell) -> None:
    """After a SIGKILL there is a sound snapshot or none; gc takes what is left over, now and then, and the next run
    ends with the one snapshot there should be.
    """
    raw, took = _whole(database, tmp_path / "undisturbed")
    chance = random.Random(7)  # noqa: S311 - moments, no secrets
    died = finished = freed = 0
    for number in range(KILLS):
        folder = tmp_path / "killed"
        process = _begin(database, folder)
        time.sleep(chance.uniform(0, 1.2 * took))
        process.kill()
        died += process.wait() == -signal.SIGKILL
        store = open_store(str(folder))
        found = list(all_snapshots(store))
        finished += len(found)
        assert all(verify(store, snapshot).ok for snapshot in found)
        if number % 2:
            freed += _collect(store) > 0
        again, _took = _whole(database, folder)
        assert (again.content, again.chunks) == (raw.content, raw.chunks)
        (only,) = all_snapshots(store)
        assert only.hash == raw.content
        assert verify(store, only).ok
        shutil.rmtree(folder)
    tell(
        "kill -9 at a random moment of a snapshot",
        f"{died} kills",
        f"{finished} had their manifest, the others none; all next runs completed, gc freed what {freed} left over",
    )
    assert died > KILLS // 2


def _collect(store: Store) -> int:
    """What gc frees without a grace time; afterwards only what manifests name is there."""
    deleted = garbage.delete(store, garbage.find(store, NOTHING, grace=0.0), grace=0.0)
    assert garbage.find(store, NOTHING, grace=0.0).bytes == 0
    named = {chunk.sha256 for snapshot in all_snapshots(store) for chunk in snapshot.chunks}
    assert {Path(key).stem for key in store.keys("chunks/")} == named
    assert not list(Path(store.uri).rglob(".*.tmp"))
    return deleted.bytes


def _read_all(store: Store, snapshot_id: str) -> None:
    """What training, lineage and drift read."""
    snapshot = load(store, snapshot_id)
    for chunk in snapshot.chunks:
        read_chunk(store, chunk)
    load_profile(store, snapshot)
    load_sample(store, snapshot)


@pytest.mark.faults
def test_any_flipped_bit(database: Path, tmp_path: Path, tell: Tell) -> None:
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
    tell("a random bit of any file of a snapshot flipped", f"{FLIPS} flips", "refused, the file named")


@pytest.mark.faults
def test_two_processes_at_once(database: Path, tmp_path: Path, tell: Tell) -> None:
    """The same data from two processes make one snapshot, other data another; each file is there once."""
    other = tmp_path / "other.db"
    shutil.copy(database, other)
    with sqlite3.connect(other) as connection:
        connection.execute("update t set x = 0 where k = 5")
    connection.close()
    for number in range(ROUNDS):
        folder = tmp_path / f"shared{number}"
        processes = [_begin(source, folder) for source in (database, database, other)]
        said = [process.communicate()[0].splitlines()[-1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0, 0]
        assert said[0] == said[1] != said[2]
        store = open_store(str(folder))
        found = list(all_snapshots(store))
        assert {snapshot.id for snapshot in found} == set(said)
        assert all(verify(store, snapshot).ok for snapshot in found)
        assert _collect(store) == 0
    tell(
        "three processes snapshot at once, two the same data",
        f"{ROUNDS} rounds",
        "two snapshots, nothing twice",
    )
