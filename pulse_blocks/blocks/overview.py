"""What automations there are, on the server and in the files, with the failures that the ledger has noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pulse_blocks.blocks.automations import prefect_client, standing
from pulse_blocks.blocks.declared import Declared, declared, project_name
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.automation_failures import AutomationFailure
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace

_SHOWN = 3


class Known(Record, frozen=True, kw_only=True):
    """An automation. ``state`` is ``not applied`` where only its file is there; ``failures`` are the newest."""

    name: str
    description: str
    trigger: str
    action: str
    state: Literal["on", "paused", "not applied"]
    failures: tuple[AutomationFailure, ...]


def overview(workspace: Workspace) -> list[Known]:
    """All automations of a project by name. Raises PulseError for a file that is not sound."""
    root = Path(workspace.root)
    files = {one.name: one for one in declared(root)}
    with prefect_client() as client:
        there = standing(client, f"pulse-project:{project_name(root)}")
    noted = _noted(workspace)
    known: list[Known] = []
    for name, one in files.items():
        automation = there[name][0] if name in there else None
        state: Literal["on", "paused", "not applied"] = "not applied"
        if automation is not None:
            state = "on" if automation.enabled else "paused"
        failures = tuple(failure for failure in noted if failure.automation == name)[:_SHOWN]
        known.append(
            Known(
                name=name,
                description=one.description,
                trigger=_trigger(one),
                action=", ".join(map(_action, one.actions)),
                state=state,
                failures=failures,
            )
        )
    return known


def _trigger(one: Declared) -> str:
    expected = ", ".join(map(str, one.trigger.get("expect", [])))
    match = one.trigger.get("match") or {}
    about = match.get("prefect.resource.id", "anything") if isinstance(match, dict) else "anything"
    within = one.trigger.get("within", 0)
    if one.trigger.get("posture") == "Proactive":
        after = ", ".join(map(str, one.trigger.get("after", [])))
        return f"{after} of {about}, and then none of {expected} for {within} s"
    return f"{expected} of {about}" + (f", at most once in {within} s" if within else "")


def _action(action: dict[str, Any]) -> str:
    target = action.get("deployment") or action.get("state") or ""
    return f"{action.get('type')} {target}".strip()


def _noted(workspace: Workspace) -> list[AutomationFailure]:
    try:
        with open_ledger(workspace.ledger) as ledger:
            return ledger.automation_failures()
    except PulseError as error:
        if error.code == "ledger.missing":
            return []
        raise
