"""A drift check as Prefect sees it: its artifacts, the sentence it ends with, and its event on the way at once."""

from __future__ import annotations

import datetime as dt
import os
from typing import Any

from prefect import State
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.drift.flow import decide_drift, report_drift
from pulse_blocks.drift.markdown import columns, headline, markdown
from pulse_blocks.drift.result import DriftResult
from pulse_blocks.errors import PulseError
from pulse_blocks.events.outbox import deliver
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace


def look_for_drift(name: str, window_end: dt.datetime | None) -> State[Any]:
    """Check a protocol's champion, send what follows from it, and leave the result where people look.

    The run is Completed whatever the verdict: that a model has drifted is no failure of the check. Its state is named
    Drifted where the window has. It is Failed where there is no verdict, or no report on one.
    """
    workspace = load_workspace()
    try:
        decided = decide_drift(workspace, name, _microseconds(window_end))
    except PulseError as error:
        if error.code == "drift.no_champion":
            return Completed(name="Skipped", message=str(error))
        return Failed(message=str(error), data=error)
    _send(workspace)
    try:
        result = report_drift(decided)
    except PulseError as error:
        publish(decided.result)
        return Failed(message=str(error), data=error)
    publish(result)
    state = "Drifted" if result.drift else None
    return Completed(name=state, message=headline(result), data=result)


def publish(result: DriftResult) -> None:
    """A Markdown summary, a small table, and a link to Evidently's page, as artifacts of the run that calls."""
    key = f"pulse-{result.name}-drift"
    create_markdown_artifact(markdown(result), key=key, description=headline(result))
    if rows := columns(result):
        create_table_artifact(rows, key=f"{key}-columns", description=f"drift of {result.name} by column")
    if result.report is not None and result.report.startswith("http"):
        create_link_artifact(
            result.report,
            link_text=f"Evidently's report on {result.check}",
            key=f"{key}-report",
            description=headline(result),
        )


def _send(workspace: Workspace) -> None:
    """What cannot be sent now stays in the outbox."""
    api = PREFECT_API_URL.value()
    if api:
        with open_ledger(workspace.ledger) as ledger:
            deliver(ledger, api, os.environ.get("PREFECT_API_KEY"))


def _microseconds(time: dt.datetime | None) -> int | None:
    if time is None:
        return None
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return int(aware.timestamp() * 1_000_000)
