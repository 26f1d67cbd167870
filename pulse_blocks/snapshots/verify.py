"""Every byte of a snapshot again, or every value too, against what its id promises."""

from __future__ import annotations

import functools

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.records import Chunk, Record, Snapshot
from pulse_blocks.snapshots.layout import CHUNKS, chunk_key, content_sha256
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.parquet import row_count
from pulse_blocks.snapshots.reading import chunk_bytes, load_profile, load_sample, verified_chunk
from pulse_blocks.stores.base import Store

# A listing on S3 costs a request for each thousand objects of the store, a look at one object a request.
_LISTED = 100


class VerifyReport(Record, frozen=True, kw_only=True):
    """``ok`` where there are no problems. ``chunks`` and ``bytes`` count what was found sound."""

    ok: bool
    chunks: int
    bytes: int
    problems: tuple[str, ...]


def verify(store: Store, snapshot: Snapshot, *, values: bool = False) -> VerifyReport:
    """Compare files with their sha256, their rows with the manifest's, and the whole with the snapshot's hash.

    With ``values`` every chunk is decoded as well and its rows are compared with their logical digest, as it was done
    when the snapshot was made. Finds every problem, not only the first. Raises UnavailableError where the store is out
    of reach.
    """
    problems, sound = [], []
    found = overlapped(functools.partial(_problem, store, values), snapshot.chunks)
    for done, (chunk, problem) in enumerate(zip(snapshot.chunks, found, strict=True), 1):
        if problem is None:
            sound.append(chunk)
        else:
            problems.append(problem)
        progress.report("verify", done, len(snapshot.chunks), snapshot.id)
    problems += unsound_beside(store, snapshot)
    if content_sha256(snapshot.chunks) != snapshot.hash:
        problems.append(f"The chunks that the manifest names do not have the hash {snapshot.hash}.")
    if sum(chunk.rows for chunk in snapshot.chunks) != snapshot.rows:
        problems.append(f"The chunks do not hold the {snapshot.rows} rows that the manifest names.")
    return VerifyReport(
        ok=not problems,
        chunks=len(sound),
        bytes=sum(chunk.bytes for chunk in sound),
        problems=tuple(problems),
    )


def _problem(store: Store, values: bool, chunk: Chunk) -> str | None:
    """What is wrong with a chunk, None where it is sound."""
    try:
        if values:
            verified_chunk(store, chunk)
            return None
        rows = row_count(chunk_bytes(store, chunk))
    except UnavailableError:
        raise
    except PulseError as error:
        return error.message
    if rows != chunk.rows:
        return f"Chunk {chunk.sha256} holds {rows} rows, not the {chunk.rows} that the manifest names."
    return None


def unsound_beside(store: Store, snapshot: Snapshot) -> list[str]:
    """What is wrong with the profile and the sample, a sentence each."""
    found = []
    for read in (load_profile, load_sample):
        try:
            read(store, snapshot)
        except UnavailableError:
            raise
        except PulseError as error:
            found.append(error.message)
    return found


def missing(store: Store, snapshot: Snapshot) -> list[str]:
    """The sha256 of chunks that are not there in their size; none is read. Many are looked for in one listing."""
    if len(snapshot.chunks) < _LISTED:
        sizes = {chunk.sha256: store.size(chunk_key(chunk.sha256)) for chunk in snapshot.chunks}
    else:
        listed = {entry.key: entry.size for entry in store.entries(CHUNKS)}
        sizes = {chunk.sha256: listed.get(chunk_key(chunk.sha256)) for chunk in snapshot.chunks}
    return [chunk.sha256 for chunk in snapshot.chunks if sizes[chunk.sha256] != chunk.bytes]
