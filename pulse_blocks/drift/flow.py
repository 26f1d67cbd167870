"""A whole check by a protocol's name: what the drift flow and ``pulse drift`` do, in two steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pulse_blocks.drift.result import DriftResult
from pulse_blocks.settings import Workspace

if TYPE_CHECKING:
    from pulse_blocks.drift.checking import Checked


class Decided(msgspec.Struct, frozen=True):
    """A verdict that is in the ledger, and what its report is made from."""

    result: DriftResult
    checked: Checked
    workspace: Workspace


def decide_drift(workspace: Workspace, name: str, end: int | None = None) -> Decided:
    """Check the champion of a protocol and record the verdict; an alarm waits in the ledger's outbox.

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
        return Decided(record(checked, protocol, ledger), checked, workspace)


def report_drift(decided: Decided) -> DriftResult:
    """Draw Evidently's page of a check and keep it in MLflow, which takes seconds that no alarm has to wait for.

    Returns the result with the page's address. Raises PulseError where Evidently cannot measure the window, or measures
    something else than the verdict was made with.
    """
    from pulse_blocks.drift.recording import keep_report
    from pulse_blocks.ledger import open_ledger

    with open_ledger(decided.workspace.ledger) as ledger:
        return keep_report(decided.checked, decided.result, ledger, decided.workspace)


def check_drift(workspace: Workspace, name: str, end: int | None = None) -> DriftResult:
    """Both steps, one after the other (see ``decide_drift`` and ``report_drift``)."""
    return report_drift(decide_drift(workspace, name, end))
