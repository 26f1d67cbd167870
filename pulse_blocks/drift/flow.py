"""A whole check by a protocol's name: what the drift flow and ``pulse drift`` do."""

from __future__ import annotations

from pulse_blocks.drift.result import DriftResult
from pulse_blocks.settings import Workspace


def check_drift(workspace: Workspace, name: str, end: int | None = None) -> DriftResult:
    """Check the champion of a protocol and record what was found; an alarm waits in the ledger's outbox.

    ``end`` of the window is in microseconds since 1970; without it the newest row is the last. Raises PulseError where
    nothing can be judged: no protocol, no model, a model without a reference, a reference that is damaged.
    """
    from pulse_blocks.drift.checking import Check
    from pulse_blocks.drift.recording import record
    from pulse_blocks.ledger import migrate, open_ledger
    from pulse_blocks.protocol import loading
    from pulse_blocks.stores import open_store

    protocol = loading.load(loading.find(workspace, name))
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        checked = Check(protocol, ledger, open_store(workspace.store)).run(end)
        return record(checked, protocol, ledger, workspace)
