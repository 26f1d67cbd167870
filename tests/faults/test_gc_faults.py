"""Garbage collection while others work: nothing that somebody needs is ever taken."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.records import RawBatch
from pulse_blocks.snapshots import garbage, layout
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import all_snapshots, load
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import Store, open_store
from pulse_blocks.stores.disk import DiskStore
from tests.ceph_server import S3Server
from tests.small_data import columns, protocol, raw_batch, snapshot_of, table

ROUNDS = 200 if os.environ.get("PULSE_FAULTS") == "full" else 20
NOTHING = garbage.Roots(chunks=frozenset(), models=frozenset(), snapshots=frozenset())
Tell = Callable[[str, str, str], None]
pytestmark = pytest.mark.faults


def ingested(store: Store, seed: int = 0, rows: int = 20_000) -> RawBatch:
    """Chunks that no manifest names yet."""
    data = table(protocol(), columns(rows, seed))
    return raw_batch(protocol(), write_chunks(store, Rows(data.schema, iter(data.to_batches())), ("parcel",)))


def age(store: Store) -> None:
    """Every file of a folder is a day old."""
    for path in Path(store.uri).rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - 86_400,) * 2)


def collect(store: Store, grace: float = garbage.GRACE_SECONDS) -> garbage.Deleted:
    """Find and delete."""
    return garbage.delete(store, garbage.find(store, NOTHING, grace), grace)


def test_a_writer_between_upload_and_manifest(tmp_path: Path, tell: Tell) -> None:
    """Its chunks are young: they stay, and the snapshot is whole."""
    store = open_store(str(tmp_path))
    raw = ingested(store)
    assert collect(store).objects == 0
    commit(store, raw)
    assert verify(store, next(all_snapshots(store))).ok
    tell("gc between upload and manifest, on disk", "1", "nothing deleted")


def test_a_writer_that_finds_old_chunks_again(tmp_path: Path) -> None:
    """What a run of yesterday left counts as new from the moment on at which somebody finds it again."""
    store = open_store(str(tmp_path))
    ingested(store)
    age(store)
    assert garbage.find(store, NOTHING).garbage
    raw = ingested(store)
    assert raw.new_bytes == 0
    assert collect(store).objects == 0
    commit(store, raw)
    assert verify(store, next(all_snapshots(store))).ok


class Meanwhile(DiskStore):
    """A store in which somebody else comes just before a manifest is created."""

    def __init__(self, root: Path, work: Callable[[], object]) -> None:
        super().__init__(root)
        self._work = work

    def create(self, key: str, data: bytes) -> bool:
        """As ever, after the others' work."""
        if key.endswith(layout.MANIFEST):
            self._work()
        return super().create(key, data)


def test_a_writer_that_finds_profile_and_sample_again(tmp_path: Path) -> None:
    """What a run that died just before its manifest left is old; found again it stays, whole."""
    store = open_store(str(tmp_path))
    ref = commit(store, ingested(store))
    store.delete(layout.manifest_key(ref.id))
    age(store)
    raw = ingested(store)
    commit(Meanwhile(tmp_path, lambda: collect(store)), raw)
    assert verify(store, load(store, ref.id)).ok


def test_an_unused_snapshot_that_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector has listed it already; a run finds it meanwhile: no part of it is taken."""
    store = open_store(str(tmp_path))
    old = commit(store, ingested(store))
    monkeypatch.setattr("pulse_blocks.snapshots.commit.utc_now", lambda: "2099-01-01T00:00:00Z")
    commit(store, ingested(store, seed=1))  # the newest of its protocol stays anyway
    age(store)
    found = garbage.find(store, NOTHING, unused=0.0)
    assert found.snapshots == (old.id,)
    assert commit(store, ingested(store)).existed
    garbage.delete(store, found)
    assert verify(store, load(store, old.id)).ok


@pytest.mark.parametrize("part", ["chunk", "profile", "sample"])
def test_a_part_that_goes_before_the_manifest(tmp_path: Path, part: str) -> None:
    """A deletion that comes late: there is no snapshot with a hole, it is told, and the next run completes."""
    store = open_store(str(tmp_path))
    raw = ingested(store)
    snapshot_id = f"snap_{raw.content[:12]}"
    keys = {
        "chunk": layout.chunk_key(raw.chunks[0].sha256),
        "profile": layout.profile_key(snapshot_id),
        "sample": layout.sample_key(snapshot_id),
    }
    with pytest.raises(PulseError, match="went away") as caught:
        commit(Meanwhile(tmp_path, lambda: store.delete(keys[part])), raw)
    assert caught.value.code == "snapshot.chunk_missing"
    assert list(all_snapshots(store)) == []
    commit(store, ingested(store))
    assert verify(store, next(all_snapshots(store))).ok


@pytest.mark.timeout(900)
def test_writers_and_a_collector_race(tmp_path: Path, tell: Tell) -> None:
    """Chunks that are old and unnamed are found again at the very moment of their collection: no manifest ever has a
    hole, and nothing has to be tried twice.
    """
    kept = 0
    for number in range(ROUNDS):
        store = open_store(str(tmp_path / str(number)))
        ingested(store, rows=60_000)
        age(store)
        start = threading.Barrier(2)

        def work(store: Store = store, start: threading.Barrier = start) -> None:
            start.wait()
            commit(store, ingested(store, rows=60_000))

        def sweep(store: Store = store, start: threading.Barrier = start, number: int = number) -> None:
            start.wait()
            time.sleep(number % 10 * 0.01)
            collect(store)

        failures = run_all(work, sweep)
        assert failures == []
        (snapshot,) = all_snapshots(store)
        assert verify(store, snapshot).ok
        kept += len(snapshot.chunks)
    tell(
        "gc races a writer that needs the very chunks",
        f"{ROUNDS} races",
        f"all {kept} chunks whole at the end",
    )


def run_all(*works: Callable[[], None]) -> list[BaseException]:
    """Run in threads; what they raise."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


@pytest.mark.xdist_group("s3")
def test_on_s3(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tell: Tell) -> None:
    """Young chunks stay; old ones that are found again get a new time from the server."""
    from pulse_blocks.stores import s3 as module

    store = open_store(f"s3://{s3.bucket()}")
    raw = ingested(store)
    assert collect(store).objects == 0
    before = {entry.key: entry.modified for entry in store.entries("chunks/")}
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.5)
    time.sleep(2.1)  # a server tells its time in whole seconds
    assert ingested(store).new_bytes == 0
    assert all(entry.modified > before[entry.key] for entry in store.entries("chunks/"))
    assert collect(store, 60.0).objects == 0
    commit(store, raw)
    assert verify(store, next(all_snapshots(store))).ok
    snapshot = snapshot_of(store, protocol(), columns(20_000, seed=5))
    store.put(f"chunks/aa/{'aa' * 32}.parquet", b"1")
    assert collect(store, 0.0).objects == 1
    assert verify(store, load(store, snapshot.id)).ok
    assert store.size(layout.chunk_key("aa" * 32)) is None
    tell("gc between upload and manifest, on S3", "1", "nothing deleted")
