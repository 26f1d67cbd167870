"""Snapshots: created once and last, found by a prefix, and every flipped byte is seen."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from pulse_blocks import progress
from pulse_blocks.errors import PulseError
from pulse_blocks.records import SnapshotRef
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import all_snapshots, load, load_sample, read_chunk, tables
from pulse_blocks.snapshots.verify import missing, verify
from pulse_blocks.stores import Store

from .conftest import COLUMNS, flip, raw_batch, taken


def _objects(store: Store) -> list[tuple[str, bytes, int]]:
    """Every object with its inode: a file that is written again gets another."""
    return [(key, store.get(key), Path(store.locate(key)).stat().st_ino) for key in store.keys("")]


def test_commit_and_load(store: Store) -> None:
    """A snapshot is found by its id, whose digits are those of its content, and its rows come back in order."""
    raw = raw_batch(store)
    ref = commit(store, raw)
    snapshot = load(store, ref.id)
    assert ref == SnapshotRef(
        id=f"snap_{raw.content[:12]}",
        hash=raw.content,
        datasource="words",
        rows=30_000,
        bytes=sum(chunk.bytes for chunk in raw.chunks),
        new_bytes=raw.new_bytes,
        created=snapshot.created,
        existed=False,
    )
    assert (snapshot.chunks, snapshot.columns, snapshot.format) == (raw.chunks, COLUMNS, 1)
    ids = [value for table in tables(store, snapshot, ["id"]) for value in table.column("id").to_pylist()]
    assert ids == [f"{number:07}" for number in range(30_000)]


def test_commit_again(store: Store) -> None:
    """The same content is the same snapshot: nothing is written, and the manifest stays as it was."""
    first = commit(store, raw_batch(store))
    before = _objects(store)
    second = commit(store, raw_batch(store))
    assert second == msgspec.structs.replace(first, existed=True, new_bytes=0)
    assert _objects(store) == before


def test_commit_at_once(store: Store) -> None:
    """Of several that commit the same rows at once one creates the snapshot, and it is sound."""
    raw = raw_batch(store)
    ready = threading.Barrier(4)
    refs: list[SnapshotRef] = []

    def run() -> None:
        ready.wait()
        refs.append(commit(store, raw))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [ref.existed for ref in refs].count(False) == 1
    assert verify(store, load(store, raw.content[:12])).ok


def test_after_a_crash(store: Store) -> None:
    """Where a process died before the manifest, the next one finishes: a profile that is there is kept."""
    raw = raw_batch(store)
    ref = commit(store, raw)
    store.delete(layout.manifest_key(ref.id))
    assert list(all_snapshots(store)) == []
    again = commit(store, raw)
    assert not again.existed
    assert verify(store, load(store, again.id)).ok


@pytest.mark.parametrize("part", [layout.profile_key, layout.sample_key])
def test_damage_before_the_manifest(store: Store, part: Callable[[str], str]) -> None:
    """What a process that died left damaged is written anew, not sealed into the manifest."""
    raw = raw_batch(store)
    ref = commit(store, raw)
    store.delete(layout.manifest_key(ref.id))
    flip(store, part(ref.id))
    damaged = store.get(part(ref.id))
    commit(store, raw)
    assert store.get(part(ref.id)) != damaged
    assert verify(store, load(store, ref.id)).ok


@pytest.mark.parametrize(
    ("key", "field"), [(layout.profile_key, "profile_sha256"), (layout.sample_key, "sample_sha256")]
)
def test_damage_that_a_manifest_names(store: Store, key: Callable[[str], str], field: str) -> None:
    """A file that was damaged before its hash was taken is told as that, by verify and by whoever reads it."""
    snapshot = load(store, commit(store, raw_batch(store)).id)
    store.put(key(snapshot.id), b"\xff no file")
    sealed = msgspec.structs.replace(snapshot, **{field: hashlib.sha256(b"\xff no file").hexdigest()})
    (problem,) = verify(store, sealed).problems
    assert "cannot be decoded" in problem


def test_many_chunks_are_looked_for_in_one_listing(store: Store) -> None:
    """Of a snapshot of many chunks those are named that are missing or have another size."""
    snapshot = taken(store)
    chunk, other = snapshot.chunks[:2]
    many = msgspec.structs.replace(snapshot, chunks=(chunk,) * 100 + (other,))
    assert missing(store, many) == []
    store.put(layout.chunk_key(other.sha256), b"cut")
    assert missing(store, many) == [other.sha256]
    store.delete(layout.chunk_key(chunk.sha256))
    assert len(missing(store, many)) == 101


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize(
    ("damage", "code"), [("missing", "snapshot.chunk_missing"), ("flip", "snapshot.chunk_corrupt")]
)
def test_commit_refuses_damage(store: Store, damage: str, code: str, existing: bool) -> None:
    """A chunk that is missing or differs is named, whether there is a manifest or not; none is created."""
    raw = raw_batch(store)
    if existing:
        commit(store, raw)
    chunk = raw.chunks[1]
    key = layout.chunk_key(chunk.sha256)
    if damage == "missing":
        store.delete(key)
    else:
        flip(store, key)
    with pytest.raises(PulseError, match=chunk.sha256) as caught:
        commit(store, raw)
    assert caught.value.code == code
    assert len(list(store.keys(layout.SNAPSHOTS))) == (3 if existing else 0)


def test_ingest_heals(store: Store) -> None:
    """As the error's hint says, ingesting the same rows again repairs a damaged chunk."""
    raw = raw_batch(store)
    commit(store, raw)
    flip(store, layout.chunk_key(raw.chunks[0].sha256))
    again = raw_batch(store)
    assert again.new_bytes == raw.chunks[0].bytes
    assert verify(store, load(store, commit(store, again).id)).ok


def test_prefixes(store: Store) -> None:
    """A unique beginning is enough, with or without ``snap_``; unknown and ambiguous ones are told apart."""
    ids = [commit(store, raw_batch(store, 10, first)).id for first in range(0, 200, 10)]
    for one in ids:
        assert load(store, one).id == one
    others = [one[5] for one in ids]
    unique = next(one for one in ids if others.count(one[5]) == 1)
    assert load(store, unique[:6]).id == load(store, unique[5:6]).id == unique
    cases = [
        ("snap_", "snapshot.ambiguous"),
        ("", "snapshot.unknown"),
        ("snap_fffffffffff0", "snapshot.unknown"),
    ]
    for asked, code in [*cases, ("../..", "snapshot.unknown"), ("run_12", "snapshot.unknown")]:
        with pytest.raises(PulseError) as caught:
            load(store, asked)
        assert caught.value.code == code


def test_newest_first(store: Store) -> None:
    """All snapshots come with the newest first; what else lies below the folder is passed over."""
    refs = [commit(store, raw_batch(store, 10, first)) for first in (0, 10, 20)]
    store.put(f"snapshots/{refs[0].id}/validation/abc/report.json", b"{}")
    for age, ref in enumerate(refs):
        old = load(store, ref.id)
        aged = msgspec.structs.replace(old, created=f"2026-01-0{9 - age}T00:00:00Z")
        store.put(layout.manifest_key(ref.id), manifest.encode(aged))
    assert [snapshot.id for snapshot in all_snapshots(store)] == [ref.id for ref in refs]


def test_chunks_are_plain_parquet(store: Store) -> None:
    """Any Parquet reader opens a chunk; columns come in the order in which they were asked for."""
    snapshot = taken(store)
    chunk = snapshot.chunks[0]
    path = store.locate(layout.chunk_key(chunk.sha256))
    assert pq.read_table(path).equals(read_chunk(store, chunk))
    assert read_chunk(store, chunk, ["word", "id"]).column_names == ["word", "id"]


def test_sample(store: Store) -> None:
    """At most 10,000 rows, the same for the same rows, from all over the snapshot; small ones whole."""
    first = load_sample(store, taken(store))
    numbers = np.array([int(value) for value in first.column("id").to_pylist()])
    assert len(numbers) == 10_000
    assert (np.diff(numbers) > 0).all()
    assert abs(numbers.mean() - 15_000) < 300
    small = load(store, commit(store, raw_batch(store, 100)).id)
    assert load_sample(store, small).num_rows == 100


def test_progress_is_told(store: Store) -> None:
    """Whoever listens hears how far ingest and snapshot are, up to the end."""
    heard: list[progress.Progress] = []
    with progress.listening(heard.append):
        commit(store, raw_batch(store))
    assert {report.stage for report in heard} == {"ingest", "snapshot"}
    assert heard[-1].done == heard[-1].total
