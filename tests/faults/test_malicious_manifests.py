"""Manifests that somebody wrote to do harm: refused, or handled, in bounded time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.records import Chunk, Column, Snapshot, to_json
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.snapshots.reading import all_snapshots, load, tables
from pulse_blocks.snapshots.sealing import seal
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import Store, open_store
from tests.small_data import columns, protocol, snapshot_of

Tell = Callable[[str, str, str], None]
pytestmark = pytest.mark.faults
EVIL = [
    "../../../etc/passwd",
    "..",
    "/etc/passwd",
    "a" * 64,
    "A" * 64,
    "0" * 63,
    "0" * 63 + "\n",
    "",
    "\x00" * 64,
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(str(tmp_path / "store"))


def plant(store: Store, snapshot: Snapshot) -> Snapshot:
    """A manifest under its right name, its seal and hashes right: what a careful attacker writes."""
    content = layout.content_sha256(snapshot.chunks)
    sound = msgspec.structs.replace(snapshot, hash=content, id=ids.snapshot_id(content))
    store.put(layout.manifest_key(sound.id), manifest.encode(sound))
    return sound


def refused(store: Store, snapshot_id: str) -> None:
    """Reading says no, in words."""
    with pytest.raises(PulseError) as caught:
        list(tables(store, load(store, snapshot_id)))
    assert caught.value.code.startswith("snapshot.")


@pytest.mark.parametrize("name", EVIL)
def test_names_that_lead_elsewhere(store: Store, name: str) -> None:
    """A chunk is named by a sha256 and by nothing else; an id is an id."""
    good = snapshot_of(store, protocol(), columns(100))
    chunk = msgspec.structs.replace(good.chunks[0], sha256=name)
    planted = plant(store, msgspec.structs.replace(good, chunks=(chunk,)))
    refused(store, planted.id)
    with pytest.raises(PulseError):
        load(store, name)
    with pytest.raises(PulseError):
        load(store, f"snap_{name}")


def test_another_stores_chunk(store: Store, tmp_path: Path) -> None:
    """A manifest that names what is not here is found out by reading and by verify, which names the chunk."""
    other = snapshot_of(open_store(str(tmp_path / "other")), protocol(), columns(100, seed=9))
    planted = plant(store, other)
    report = verify(store, planted)
    assert not report.ok
    assert other.chunks[0].sha256 in report.problems[0]
    refused(store, planted.id)


@pytest.mark.parametrize(
    "number", ["-1", "0", "2147483648", "1e3", "1.5", "true", '"1"', "null", "1" + "0" * 400]
)
def test_numbers(store: Store, number: str) -> None:
    """Rows that cannot be: refused, or found false by verify; nothing is allocated for them."""
    good = snapshot_of(store, protocol(), columns(100))
    (chunk,) = good.chunks
    claimed = int(number) if number.removeprefix("-").isdigit() and len(number) < 20 else chunk.rows
    content = layout.content_sha256([msgspec.structs.replace(chunk, rows=claimed)])
    false = msgspec.structs.replace(good, hash=content, id=ids.snapshot_id(content))
    text = to_json(false).replace(b'"rows":100', b'"rows":' + number.encode())
    store.delete(layout.manifest_key(false.id))
    store.put(layout.manifest_key(false.id), seal(text))
    assert not sound(store, false.id)


def sound(store: Store, snapshot_id: str) -> bool:
    """Whether a snapshot can be read and holds what it says."""
    try:
        return verify(store, load(store, snapshot_id)).ok
    except PulseError as error:
        return error.code != "snapshot.manifest"


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b'{"format":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'{"format":1' + b" " * 1_000_000,
        b"\xff" * 1000,
        b"",
        b"null",
        b'{"format":1}',
        b'{"format":' + b"9" * 100_000 + b"}",
    ],
    ids=["lists", "nested", "objects", "spaces", "bytes", "empty", "null", "format only", "long number"],
)
def test_texts(store: Store, data: bytes) -> None:
    """Deep, long or no JSON at all: refused at once."""
    started = time.process_time()
    for text in (data, seal(data)):
        key = layout.manifest_key("snap_0123456789ab")
        store.delete(key)
        store.put(key, text)
        with pytest.raises(PulseError) as caught:
            load(store, "snap_0123456789ab")
        assert caught.value.code == "snapshot.manifest"
        with pytest.raises(PulseError):
            list(all_snapshots(store))
    assert time.process_time() - started < 2


def test_very_many_columns_and_chunks(store: Store, tell: Tell) -> None:
    """100,000 columns and 100,000 chunks are read in seconds and bounded memory; their rows are not there."""
    good = snapshot_of(store, protocol(), columns(100))
    many = tuple(Column(name=f"c{number}", type="float", nullable=True) for number in range(100_000))
    chunks = tuple(
        Chunk(sha256=f"{number:064x}", digest=f"{number:064x}", rows=1, bytes=1) for number in range(100_000)
    )
    planted = plant(store, msgspec.structs.replace(good, columns=many, chunks=chunks, rows=100_000))
    tracemalloc.start()
    started = time.process_time()
    assert len(load(store, planted.id).chunks) == 100_000
    assert time.process_time() - started < 10
    assert tracemalloc.get_traced_memory()[1] < 300_000_000
    tracemalloc.stop()
    refused(store, planted.id)
    tell(
        "manifests written to do harm",
        f"{len(EVIL) + 9 + 9 + 2}",
        "refused in words, or found false by verify",
    )
