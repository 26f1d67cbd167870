"""An action of an automation that failed, kept where people look."""

from __future__ import annotations

from prefect import flow

from pulse_blocks.blocks.failures import note


@flow(name="note-failure", flow_run_name="{automation}", persist_result=False)
def note_failure(event: str, automation: str, action: str, reason: str) -> None:
    """Write a failed action into the ledger, where `pulse automations list` shows it.

    Args:
        event: Id of Prefect's event: one that is delivered twice is noted once.
        automation: Name of the automation.
        action: What it wanted to do, for example run-deployment.
        reason: Why it failed, in Prefect's words.
    """
    note(event, automation, action, reason)
