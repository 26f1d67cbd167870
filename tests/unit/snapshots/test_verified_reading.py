"""What is read of a snapshot is checked, whoever damaged or forged it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Snapshot, to_json
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import load, load_profile, load_sample
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import Store

from .conftest import flip, raw_batch, taken


def test_every_part_is_verified(store: Store) -> None:
    """A flipped bit in any chunk, in the profile or in the sample is found, and all of them are reported."""
    snapshot = taken(store)
    assert verify(store, snapshot).ok
    keys = [layout.chunk_key(chunk.sha256) for chunk in snapshot.chunks]
    keys += [layout.profile_key(snapshot.id), layout.sample_key(snapshot.id)]
    for number, key in enumerate(keys, 1):
        flip(store, key)
        report = verify(store, snapshot)
        assert not report.ok
        assert len(report.problems) == number
    assert report.chunks == 0
    for read in (load_profile, load_sample):
        with pytest.raises(PulseError) as caught:
            read(store, snapshot)
        assert caught.value.code == "snapshot.corrupt"


def test_rows_are_verified_beyond_the_file(store: Store) -> None:
    """A chunk that has the right sha256 and other rows than its digest says is found."""
    raw = raw_batch(store)
    other = msgspec.structs.replace(raw.chunks[0], digest="1" * 64)
    chunks = (other, *raw.chunks[1:])
    forged = msgspec.structs.replace(raw, chunks=chunks, content=layout.content_sha256(chunks))
    with pytest.raises(PulseError, match="digest") as caught:
        commit(store, forged)
    assert caught.value.code == "snapshot.chunk_corrupt"


def test_content_is_not_taken_on_trust(store: Store) -> None:
    """An ingest whose content hash is not that of its chunks is refused."""
    raw = msgspec.structs.replace(raw_batch(store), content="2" * 64)
    with pytest.raises(PulseError) as caught:
        commit(store, raw)
    assert caught.value.code == "snapshot.content"


def _without_chunk(snapshot: Snapshot) -> bytes:
    return manifest.encode(msgspec.structs.replace(snapshot, chunks=snapshot.chunks[1:]))


def _named_outside(snapshot: Snapshot) -> bytes:
    bad = msgspec.structs.replace(snapshot.chunks[0], sha256="../../../etc/passwd")
    return manifest.encode(msgspec.structs.replace(snapshot, chunks=(bad, *snapshot.chunks[1:])))


@pytest.mark.parametrize(
    ("forge", "reason"),
    [
        (lambda _: b"", "cannot be read"),
        (lambda _: b"{}", "cannot be read"),
        (lambda _: b"\xff\xfe", "cannot be read"),
        (lambda snapshot: manifest.encode(snapshot)[:-10], "cannot be read"),
        (to_json, "differs from its checksum"),
        (
            lambda snapshot: manifest.encode(snapshot).replace(b"from words", b"from wordz"),
            "differs from its checksum",
        ),
        (_without_chunk, "do not have the hash"),
        (_named_outside, "no sha256"),
        (
            lambda snapshot: manifest.encode(msgspec.structs.replace(snapshot, hash="3" * 64)),
            "do not have the hash",
        ),
        (
            lambda snapshot: manifest.encode(msgspec.structs.replace(snapshot, id="snap_000000000000")),
            "snap_000000000000",
        ),
    ],
)
def test_unsound_manifests(store: Store, forge: Callable[[Snapshot], bytes], reason: str) -> None:
    """A manifest that is damaged, or about something else, is refused with its path."""
    snapshot = taken(store)
    store.put(layout.manifest_key(snapshot.id), forge(snapshot))
    with pytest.raises(PulseError, match=reason) as caught:
        load(store, snapshot.id)
    assert caught.value.code == "snapshot.manifest"
    assert snapshot.id in caught.value.message


def test_verify_of_values(store: Store) -> None:
    """A manifest whose digests are false holds by its bytes; its values tell."""
    raw = raw_batch(store)
    snapshot = load(store, commit(store, raw).id)
    assert verify(store, snapshot, values=True).ok
    false = msgspec.structs.replace(snapshot.chunks[0], digest="0" * 64)
    chunks = (false, *snapshot.chunks[1:])
    forged = msgspec.structs.replace(snapshot, chunks=chunks, hash=layout.content_sha256(chunks))
    assert verify(store, forged).ok
    report = verify(store, forged, values=True)
    assert (report.ok, report.chunks) == (False, len(chunks) - 1)
    assert false.sha256 in report.problems[0]
