"""The drift check: on its schedule, by hand, or because the runtime suspects something."""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect import State, flow

from pulse_blocks.blocks.drift import look_for_drift


@flow(name="drift", flow_run_name="{protocol}", persist_result=False)
def drift(protocol: str, window_end: dt.datetime | None = None) -> State[Any]:
    """Judge the newest window of what a model was asked against what it was trained on.

    Args:
        protocol: Name of a file in protocols/, without its ending, for example flight-delay.
        window_end: End of the window in event time (UTC). Empty: the window of the newest rows.
    """
    return look_for_drift(protocol, window_end)
