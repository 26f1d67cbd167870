"""Snapshot: chunks become an immutable, verified set of rows with an id."""

from __future__ import annotations

from pulse_blocks.records import RawBatch, SnapshotRef
from pulse_blocks.stages.context import Context


def snapshot(raw: RawBatch, context: Context) -> SnapshotRef:
    """Verify every chunk, store profile and reference sample, and create the manifest, last and once.

    Raises PulseError that names the chunk where one is missing or differs from its hash.
    """
    from pulse_blocks.snapshots.commit import commit
    from pulse_blocks.snapshots.describing import kept
    from pulse_blocks.snapshots.memory import lean
    from pulse_blocks.stores import open_store

    with lean():
        return commit(open_store(context.workspace.store), raw, kept(raw))
