"""The way back from a champion that regressed."""

from __future__ import annotations

from typing import Any

from prefect import State, flow

from pulse_blocks.blocks.rollback import go_back


@flow(name="rollback", flow_run_name="{protocol}", persist_result=False)
def rollback(protocol: str, cause: str) -> State[Any]:
    """Make the champion before live again, because the ledger knows a regression of the present one.

    Args:
        protocol: Name of a file in protocols/, without its ending, for example flight-delay.
        cause: Id of the regression, regression_...; or of a drift check of a protocol that says on_drift rollback.
    """
    return go_back(protocol, cause)
