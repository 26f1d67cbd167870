"""Maintenance: old inferences go to the archive, and archives whose time is over are deleted."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from pulse_blocks.blocks.maintenance import keep_the_ledger_small


@flow(name="maintain", flow_run_name="maintain", persist_result=False)
def maintain() -> State[Any]:
    """Do what each protocol's ``retention`` asks for; without one nothing leaves the ledger."""
    return keep_the_ledger_small()
