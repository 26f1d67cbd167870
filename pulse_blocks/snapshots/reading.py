"""Snapshots read back. Nothing is decoded before its hash has been compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Chunk, Snapshot, from_json
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa

    from pulse_blocks.sketches.profile import Profile


def load(store: Store, id_or_prefix: str) -> Snapshot:
    """A snapshot by its id or a unique beginning of it, with or without ``snap_``.

    Raises PulseError: ``snapshot.unknown``, ``snapshot.ambiguous``, ``snapshot.manifest`` for a manifest
    that is damaged, or ``snapshot.newer`` for one of a later version of Pulse.
    """
    wanted = id_or_prefix if id_or_prefix.startswith("snap_") else f"snap_{id_or_prefix}"
    if layout.is_id(wanted):
        return _read(store, wanted, id_or_prefix)
    found = [known for known in _ids(store) if known.startswith(wanted)] if id_or_prefix else []
    if len(found) > 1:
        raise PulseError(
            "snapshot.ambiguous",
            f"{id_or_prefix} is the beginning of {len(found)} snapshots: {', '.join(found[:5])}"
            + (", ..." if len(found) > 5 else "."),
            "Give more digits.",
        )
    if not found:
        raise _unknown(store, id_or_prefix)
    return _read(store, found[0], id_or_prefix)


def all_snapshots(store: Store) -> Iterator[Snapshot]:
    """Every snapshot, the newest first. Raises as ``load`` does for a manifest that is damaged."""
    yield from sorted(
        (_read(store, known, known) for known in _ids(store)),
        key=lambda snapshot: (snapshot.created, snapshot.id),
        reverse=True,
    )


def read_chunk(store: Store, chunk: Chunk, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a chunk; ``columns`` in their order, or all.

    Raises PulseError: ``snapshot.chunk_missing``, or ``snapshot.chunk_corrupt`` for a file that differs from
    its hash.
    """
    import pyarrow as pa

    from pulse_blocks.snapshots.parquet import decode

    data = chunk_bytes(store, chunk)
    try:
        table = decode(data, list(columns) if columns is not None else None)
    except (pa.ArrowException, OSError) as error:
        raise _corrupt(store, chunk, f"it cannot be decoded ({error})") from error
    return table.select(list(columns)) if columns is not None else table


def verified_chunk(store: Store, chunk: Chunk) -> pa.Table:
    """The rows of a chunk, their number and logical digest compared too. Raises as ``read_chunk`` does."""
    from pulse_blocks.snapshots.digest import digest, one_batch

    table = read_chunk(store, chunk)
    found = digest(one_batch(table))
    if found != chunk.digest or table.num_rows != chunk.rows:
        raise _corrupt(store, chunk, f"its {table.num_rows} rows have the digest {found}")
    return table


def tables(store: Store, snapshot: Snapshot, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of a snapshot, a chunk at a time. Raises as ``read_chunk`` does."""
    for chunk in snapshot.chunks:
        yield read_chunk(store, chunk, columns)


def load_profile(store: Store, snapshot: Snapshot) -> Profile:
    """The profile taken when the snapshot was made. Raises PulseError where it is missing or damaged."""
    import msgspec

    from pulse_blocks.sketches.profile import Profile

    key = layout.profile_key(snapshot.id)
    data = _beside(store, key, snapshot.profile_sha256)
    try:
        return from_json(data, Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _undecodable(store, key, error) from error


def load_sample(store: Store, snapshot: Snapshot) -> pa.Table:
    """The reference sample: at most 10,000 rows. Raises PulseError where it is missing or damaged."""
    import pyarrow as pa

    from pulse_blocks.snapshots.parquet import decode

    key = layout.sample_key(snapshot.id)
    data = _beside(store, key, snapshot.sample_sha256)
    try:
        return decode(data)
    except (pa.ArrowException, OSError) as error:
        raise _undecodable(store, key, error) from error


def chunk_bytes(store: Store, chunk: Chunk) -> bytes:
    """A chunk's file, its hash compared. Raises as ``read_chunk`` does."""
    key = layout.chunk_key(chunk.sha256)
    try:
        data = store.get(key)
    except PulseError as error:
        if error.code != "store.missing":
            raise
        raise PulseError(
            "snapshot.chunk_missing",
            f"Chunk {chunk.sha256} is missing: there is no {store.locate(key)}.",
            _AGAIN,
        ) from None
    found = hashlib.sha256(data).hexdigest()
    if found != chunk.sha256:
        raise _corrupt(store, chunk, f"the sha256 of its bytes is {found}")
    return data


def _corrupt(store: Store, chunk: Chunk, reason: str) -> PulseError:
    """The error for a chunk that is not what it was."""
    where = store.locate(layout.chunk_key(chunk.sha256))
    return PulseError(
        "snapshot.chunk_corrupt", f"Chunk {chunk.sha256} is damaged: {reason} ({where}).", _AGAIN
    )


_AGAIN = "Restore the file from a backup, or ingest the same window again: that writes it anew."


def _beside(store: Store, key: str, sha256: str) -> bytes:
    data = store.get(key)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise PulseError(
            "snapshot.corrupt", f"{store.locate(key)} is damaged: it differs from its sha256 {sha256}."
        )
    return data


def _undecodable(store: Store, key: str, error: Exception) -> PulseError:
    """The error for a file that was damaged before its hash was taken."""
    return PulseError(
        "snapshot.corrupt",
        f"{store.locate(key)} is damaged: it cannot be decoded ({error}).",
        "Delete it and the manifest beside it, and run again: the chunks are still there.",
    )


def _ids(store: Store) -> Iterator[str]:
    for key in store.keys(layout.SNAPSHOTS):
        parts = key.split("/")
        if len(parts) == 3 and parts[2] == layout.MANIFEST and layout.is_id(parts[1]):
            yield parts[1]


def _read(store: Store, snapshot_id: str, asked: str) -> Snapshot:
    key = layout.manifest_key(snapshot_id)
    try:
        data = store.get(key)
    except PulseError as error:
        if error.code == "store.missing":
            raise _unknown(store, asked) from None
        raise
    return manifest.decode(data, snapshot_id, store.locate(key))


def _unknown(store: Store, asked: str) -> PulseError:
    return PulseError(
        "snapshot.unknown",
        f"There is no snapshot {asked} in {store.uri}.",
        "pulse snapshot list shows those there are.",
    )
