"""Every byte and every value of a snapshot again, against what its id promises."""

from __future__ import annotations

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.records import Record, Snapshot
from pulse_blocks.snapshots.layout import chunk_key, content_sha256
from pulse_blocks.snapshots.reading import load_profile, load_sample, verified_chunk
from pulse_blocks.stores.base import Store


class VerifyReport(Record, frozen=True, kw_only=True):
    """``ok`` where there are no problems. ``chunks`` and ``bytes`` count what was found sound."""

    ok: bool
    chunks: int
    bytes: int
    problems: tuple[str, ...]


def verify(store: Store, snapshot: Snapshot) -> VerifyReport:
    """Compare files with their sha256, values with their digests, and the whole with the snapshot's hash.

    Finds every problem, not only the first. Raises UnavailableError where the store is out of reach.
    """
    problems, sound = [], []
    for done, chunk in enumerate(snapshot.chunks, 1):
        try:
            verified_chunk(store, chunk)
            sound.append(chunk)
        except UnavailableError:
            raise
        except PulseError as error:
            problems.append(error.message)
        progress.report("verify", done, len(snapshot.chunks), snapshot.id)
    for read in (load_profile, load_sample):
        try:
            read(store, snapshot)
        except UnavailableError:
            raise
        except PulseError as error:
            problems.append(error.message)
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


def missing(store: Store, snapshot: Snapshot) -> list[str]:
    """The sha256 of chunks that are not there in their size: a look at each file, none is read."""
    return [chunk.sha256 for chunk in snapshot.chunks if store.size(chunk_key(chunk.sha256)) != chunk.bytes]
