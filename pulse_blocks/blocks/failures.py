"""Failed actions of automations, from Prefect's event into the ledger."""

from __future__ import annotations

import os

from prefect.settings import PREFECT_API_URL

from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.events import deliver
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.catalogue import AUTOMATION_FAILED


def note(event: str, automation: str, action: str, reason: str) -> bool:
    """Keep a failure and tell of it, once for each of Prefect's events; False where it was known."""
    workspace = load_workspace()
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        is_new = ledger.note_automation_failure(event, automation, action, reason)
        if is_new:
            ledger.emit(
                AUTOMATION_FAILED.name,
                AUTOMATION_FAILED.resource,
                {"automation": automation, "failed": action, "reason": reason},
            )
            if api := PREFECT_API_URL.value():
                deliver(ledger, api, os.environ.get("PREFECT_API_KEY"))
    return is_new
