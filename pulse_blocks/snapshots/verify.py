"""Every byte and every value of a snapshot again, against what its id promises."""

from __future__ import annotations

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.records import Chunk, Record, Snapshot
from pulse_blocks.snapshots.commit import one_batch
from pulse_blocks.snapshots.digest import digest
from pulse_blocks.snapshots.layout import content_sha256
from pulse_blocks.snapshots.reading import corrupt, load_profile, load_sample, read_chunk
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
            _verify_chunk(store, chunk)
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


def _verify_chunk(store: Store, chunk: Chunk) -> None:
    table = read_chunk(store, chunk)
    found = digest(one_batch(table))
    if found != chunk.digest or table.num_rows != chunk.rows:
        raise corrupt(store, chunk, f"the digest of its rows is {found}")
