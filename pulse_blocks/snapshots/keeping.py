"""The files of a snapshot beside a garbage collector that works at the same time, and after damage.

What is found again counts as new from then on, as chunks do: a collector that has listed it already looks at its age
again. A manifest that came after its chunks were taken all the same is withdrawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots import layout
from pulse_blocks.snapshots.verify import missing, unsound_beside
from pulse_blocks.stores.base import Store


def found_again(store: Store, snapshot_id: str) -> bool:
    """Whether there is a manifest; it, the profile and the sample count as new from now on.

    The manifest comes last: a collector takes it first, so where it is still there the others were renewed in time.
    """
    manifest = layout.manifest_key(snapshot_id)
    if store.size(manifest) is None:
        return False
    held = None
    for key in (layout.sample_key(snapshot_id), layout.profile_key(snapshot_id), manifest):
        held = _held(store, key)
        if held is not None:
            store.put(key, held)
    return held is not None


def keep_first(store: Store, key: str, data: bytes, sound: Callable[[bytes], bool]) -> str:
    """Write a file, or keep the one that is there and sound: of many callers all get the sha256 of the same bytes."""
    kept = data
    if not store.create(key, data):
        held = _held(store, key)
        if held is not None and sound(held):
            kept = held
        store.put(key, kept)
    return hashlib.sha256(kept).hexdigest()


def require_whole(store: Store, snapshot: Snapshot) -> None:
    """Look whether all that a new manifest names is there, and take the manifest back where it is not.

    On S3 a collector may look at an object, somebody find it again, and the collector's deletion come after that.
    Raises PulseError("snapshot.chunk_missing").
    """
    lost = [f"chunk {sha256}" for sha256 in missing(store, snapshot)]
    lost += [problem.rstrip(".") for problem in unsound_beside(store, snapshot)]
    if lost:
        store.delete(layout.manifest_key(snapshot.id))
        more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
        raise PulseError(
            "snapshot.chunk_missing",
            f"While {snapshot.id} was made, parts of it went away ({lost[0]}{more}): there is no such snapshot.",
            "Was pulse snapshot gc at work? Run again: what is missing is written anew.",
        )


def _held(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key)
    except PulseError as error:
        if error.code != "store.missing":
            raise
        return None
