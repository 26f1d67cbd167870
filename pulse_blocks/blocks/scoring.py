"""A batch scoring as Prefect sees it: one task, a progress bar, and a summary of what came of it."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any

from prefect import State, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed

from pulse_blocks.blocks.artifacts import progress_bar
from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.progress import Progress
from pulse_blocks.scoring import Scored, ScoringRun, begin

_HEARTBEAT_SECONDS = 10.0


def conduct(
    submit: Callable[[ScoringRun], PrefectFuture[Scored]],
    name: str,
    start: dt.datetime | None,
    end: dt.datetime | None,
    datasource: str | None,
    query: str | None,
) -> State[Any]:
    """Score, and give the flow its final state: whatever is refused, in one sentence."""
    since, until = (time.isoformat() if time else None for time in (start, end))
    try:
        run = begin(load_workspace(), name, since, until, datasource or None, query or None)
    except PulseError as error:
        return Failed(message=str(error), data=error)
    if run.parts_before:
        get_run_logger().info("Going on with an interrupted scoring: %s parts are done.", run.parts_before)
    with _beating(run), progress_bar(f"{name}-score", f"scoring {name}", _percent):
        future = submit(run)
        future.wait()
    if future.state.is_completed():
        return _completed(name, future.result())
    return _failed(run, future.state)


def _completed(name: str, scored: Scored) -> State[Scored]:
    key, description = f"pulse-{name}-score", f"predictions of {scored.model}"
    create_markdown_artifact(summary(scored), key=key, description=description)
    return Completed(message=sentence(scored), data=scored)


def _failed(run: ScoringRun, state: State[Any]) -> State[Any]:
    """What was only out of reach, and what nobody foresaw, leaves the attempt open: the next run goes on with it."""
    error = state.result(raise_on_failure=False)
    if not isinstance(error, PulseError):
        return Failed(message=state.message or "The scoring did not complete.", data=error)
    if not isinstance(error, UnavailableError):
        run.failed(str(error))
    return Failed(message=str(error), data=error)


def sentence(scored: Scored) -> str:
    """What came of a scoring, in one sentence."""
    if scored.existed:
        return f"The same rows are scored already: {scored.scoring} has {scored.rows:,} predictions."
    refused = f"; {scored.refused:,} rows break the contract and got none" if scored.refused else ""
    return f"{scored.rows:,} predictions by {scored.model}{refused}."


def summary(scored: Scored) -> str:
    """The same as Markdown, with where the files are."""
    window = f"{scored.window.start} to {scored.window.end}" if scored.window else "everything"
    rows = [
        ("Scoring", f"`{scored.scoring}`"),
        ("Model", f"`{scored.model}`"),
        ("Datasource", scored.datasource),
        ("Window", window),
        ("Predictions", f"{scored.rows:,}"),
        ("Refused rows", f"{scored.refused:,}"),
        ("Files", f"{len(scored.files):,}"),
        ("Where", f"`{scored.location}`"),
    ]
    table = "\n".join(["| | |", "|:--|:--|", *(f"| {name} | {value} |" for name, value in rows)])
    return f"### {sentence(scored)}\n\n{table}\n\n`pulse lineage {scored.scoring}` shows what it stands on."


def _percent(heard: Progress) -> float:
    return round(100.0 * heard.done / heard.total, 1) if heard.stage == "score" and heard.total else 0.0


@contextlib.contextmanager
def _beating(run: ScoringRun) -> Iterator[None]:
    """Say that this process lives, until the block ends: another host takes an attempt over that falls silent."""
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_HEARTBEAT_SECONDS):
            with contextlib.suppress(PulseError), open_ledger(run.workspace.ledger) as ledger:
                ledger.heartbeat(run.attempt)

    threading.Thread(target=beat, name="pulse-heartbeat", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
