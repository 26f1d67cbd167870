"""Validate: the protocol's rules against a snapshot; rows that break one go to quarantine."""

from __future__ import annotations

from pulse_blocks.records import SnapshotRef, ValidatedData
from pulse_blocks.stages.context import Context


def validate(taken: SnapshotRef, context: Context) -> ValidatedData:
    """Write the report and the quarantine beside the snapshot.

    Raises PulseError where more rows break rules than the protocol allows.
    """
    from pulse_blocks import validation
    from pulse_blocks.snapshots.memory import lean
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store

    store = open_store(context.workspace.store)
    end = context.window.end if context.window else None
    with lean():
        return validation.validate(context.protocol, load(store, taken.id), store, end)
