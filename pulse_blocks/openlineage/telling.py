"""What a pipeline calls: each call returns at once, whether anybody listens or not."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError
from pulse_blocks.openlineage.configured import configured
from pulse_blocks.openlineage.sending import Sender
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

# What a run waits at its end for the last events.
CLOSE_SECONDS = 5.0


class Telling:
    """The events of one pipeline, sent where OpenLineage is configured; otherwise nothing at all."""

    def __init__(self, workspace: Workspace, protocol: Protocol, attempt: str) -> None:
        self._of = workspace, protocol, attempt
        self._sender = Sender() if configured() else None

    def started(self, stage: str = "") -> None:
        """A stage begins; without a name, the pipeline."""
        self._tell(stage, "START")

    def completed(self, stage: str, *records: Record) -> None:
        """A stage has ended with these records: what it took, and what it made of it."""
        self._tell(stage, "COMPLETE", records)

    def failed(self, stage: str, message: str) -> None:
        """A stage, or the pipeline, has failed in these words."""
        self._tell(stage, "FAIL", message=message)

    @contextlib.contextmanager
    def stage(self, name: str, before: object) -> Iterator[list[Record]]:
        """Tell a stage's beginning and end. What it makes is to be put into the list; ``before`` is there already."""
        self.started(name)
        records = [before] if isinstance(before, Record) else []
        try:
            yield records
        except Exception as error:
            # Only words of ours: those of another error may hold data.
            self.failed(name, str(error) if isinstance(error, PulseError) else type(error).__name__)
            raise
        self.completed(name, *records)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait a moment for what was not sent yet."""
        if self._sender:
            self._sender.close(seconds)

    def _tell(self, stage: str, state: str, records: tuple[Record, ...] = (), message: str = "") -> None:
        if self._sender is None:
            return
        at = dt.datetime.now(dt.UTC)
        self._sender.put(lambda: _events(self._of, stage, state, at, records, message))


def _events(
    of: tuple[Workspace, Protocol, str],
    stage: str,
    state: str,
    at: dt.datetime,
    records: tuple[Record, ...],
    message: str,
) -> list[RunEvent]:
    """On the sender's thread: the client is imported there."""
    from openlineage.client.event_v2 import RunState

    from pulse_blocks.openlineage.events import Pipeline, Told

    workspace, protocol, attempt = of
    pipeline: Any = Pipeline(workspace=workspace, protocol=protocol, attempt=attempt)
    told = Told(stage=stage, state=RunState(state), at=at, records=records, message=message)
    return list(pipeline.events(told))
