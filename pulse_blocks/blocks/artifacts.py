"""Prefect artifacts: one Markdown summary a stage, one progress bar a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

import httpx
import msgspec
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from pulse_blocks import progress
from pulse_blocks.blocks.summaries import summary
from pulse_blocks.progress import Progress
from pulse_blocks.records import Deployment, Record, TrainedModel, ValidatedData
from pulse_blocks.settings import Workspace

STAGES = ("ingest", "snapshot", "validate", "train", "store", "deploy")
_SECONDS_BETWEEN_UPDATES = 1.0


def publish(protocol: str, stage: str, record: Record, workspace: Workspace) -> None:
    """Leave a stage's summary as an artifact of the task run that calls."""
    markdown = summary(record)
    if isinstance(record, ValidatedData):
        markdown += f"\n\n{_report(record, workspace)}"
    if isinstance(record, TrainedModel):
        markdown += _pictures(record, workspace)
    if isinstance(record, Deployment):
        markdown += f"\n\n#### Where the champion comes from\n\n{_lineage(record, workspace)}"
    create_markdown_artifact(markdown, key=f"pulse-{protocol}-{stage}", description=f"{stage} of {protocol}")


def _report(record: ValidatedData, workspace: Workspace) -> str:
    from pulse_blocks.stores import open_store
    from pulse_blocks.validation import load_report
    from pulse_blocks.validation.markdown import report_markdown

    return report_markdown(load_report(open_store(workspace.store), record))


def _pictures(record: TrainedModel, workspace: Workspace) -> str:
    """The pictures of the model card; none where what they are drawn from is gone or damaged."""
    from pulse_blocks.snapshots.sealing import holds
    from pulse_blocks.stores import open_store
    from pulse_blocks.training.card import Drawing
    from pulse_blocks.training.card.markdown import drawn

    store = open_store(workspace.store)
    if record.curves is None or store.size(record.curves) is None:
        return ""
    data = store.get(record.curves)
    return f"\n\n{drawn(msgspec.json.decode(data, type=Drawing))}" if holds(data) else ""


def _lineage(record: Deployment, workspace: Workspace) -> str:
    from pulse_blocks.lineage import trace
    from pulse_blocks.lineage.markdown import render

    return render(trace(workspace, record.champion))


@contextmanager
def progress_bar(name: str, description: str, percent: Callable[[Progress], float]) -> Iterator[None]:
    """A progress artifact ``pulse-NAME-progress`` of the flow run that calls, kept up to date in the block.

    ``percent`` says how far a run is by what it reports.
    """
    artifact = create_progress_artifact(0.0, key=f"pulse-{name}-progress", description=description)
    assert isinstance(artifact, UUID)  # noqa: S101 (the function is awaitable only when called in a coroutine)
    bar = _Bar(artifact, percent)
    with progress.listening(bar.hear):
        yield
    bar.finish()


class _Bar:
    def __init__(self, artifact: UUID, percent: Callable[[Progress], float]) -> None:
        self._artifact = artifact
        self._percent = percent
        self._shown = 0.0
        self._last = 0.0
        self._lock = threading.Lock()

    def hear(self, heard: Progress) -> None:
        """Show a report, at most once a second: each update is a request to the server."""
        percent = self._percent(heard)
        with self._lock:
            now = time.monotonic()
            if percent <= self._shown or now - self._last < _SECONDS_BETWEEN_UPDATES:
                return
            self._shown, self._last = percent, now
        # Progress is to be looked at, no more: what is under way does not end with the server that shows it.
        with suppress(httpx.HTTPError, PrefectException):
            update_progress_artifact(self._artifact, percent)

    def finish(self) -> None:
        """Show the end."""
        update_progress_artifact(self._artifact, 100.0)


def overall_percent(heard: Progress) -> float:
    """How far a run is, 0 to 100, each stage counting the same."""
    if heard.stage not in STAGES:
        return 0.0
    part = min(1.0, heard.done / heard.total) if heard.total else 0.0
    return round(100.0 * (STAGES.index(heard.stage) + part) / len(STAGES), 1)
