"""One run of the six stages as Prefect sees it: resumed where it was interrupted, told stage by stage.

A flow begins a ``PipelineRun``, hands it to each task and lets it conclude. Everything that a reader of the
flow need not see is here: what an earlier, killed attempt has finished already, artifacts, progress, the
sentence in which a run fails.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Literal, TypeVar, cast

from prefect import State, get_run_logger
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from pulse_blocks import progress
from pulse_blocks.blocks import artifacts, causes
from pulse_blocks.blocks.datasources import with_datasource
from pulse_blocks.blocks.summary import Summary
from pulse_blocks.blocks.telling import told, validation_failed
from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.events.outbox import deliver
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.rows import Attempt, NewEvent
from pulse_blocks.openlineage.telling import Telling
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import (
    Deployment,
    RawBatch,
    Record,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
    Window,
    from_json,
    to_json,
)
from pulse_blocks.stages import reuse
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.contract import require_version
from pulse_blocks.training import process

R = TypeVar("R", bound=Record)
T = TypeVar("T")
_HEARTBEAT_SECONDS = 10.0
# What lineage finds a stage's record by.
_ID: dict[type[Record], str] = {
    RawBatch: "content",
    SnapshotRef: "id",
    ValidatedData: "snapshot",
    TrainedModel: "run",
    StoredModel: "model",
    Deployment: "model",
}


class PipelineRun:
    """A run of the pipeline for one protocol and one window."""

    def __init__(self, context: Context, attempt: Attempt, *, fresh: bool = False) -> None:
        self._context = context
        self._fresh = fresh
        self._finished = dict(attempt.records)
        self._seconds = dict(attempt.seconds)
        self._lineage = Telling(context.workspace, context.protocol, context.attempt)
        self._cleanup = contextlib.ExitStack()

    @property
    def window(self) -> Window | None:
        """The interval of event time that this run reads."""
        return self._context.window

    def open(self) -> None:
        """Start what goes along with a run: its progress artifact, its heartbeat, its OpenLineage events."""
        self._cleanup.callback(self._lineage.close)
        self._lineage.started()
        name = self._context.protocol.name
        bar = artifacts.progress_bar(name, f"training {name}", artifacts.overall_percent)
        self._cleanup.enter_context(bar)
        ended = threading.Event()
        self._cleanup.callback(ended.set)
        threading.Thread(target=self._beat, args=(ended,), name="pulse-heartbeat", daemon=True).start()
        if "train" not in self._finished and not self._context.workspace.training_pool:
            # It loads LightGBM while the data are read.
            process.prepare()
            self._cleanup.callback(process.discard)

    def stage(self, kind: type[R], work: Callable[[T, Context], R], before: T) -> R:
        """Do one stage, and tell whoever listens for OpenLineage events."""
        with self._lineage.stage(work.__name__, before) as records:
            result = self._stage(kind, work, before)
            made: object = result
            # A stage that says more than its record hands it on in a state.
            records.append(cast("Record", made.data if isinstance(made, State) else made))
            return result

    def _stage(self, kind: type[R], work: Callable[[T, Context], R], before: T) -> R:
        """Do one stage and remember its record, unless a killed attempt has finished it already.

        The record is in the ledger before the stage counts as done. The state of a stage that was not
        repeated is named Resumed; Cached that of one which an earlier run has done with all that decides it.
        """
        name = work.__name__
        if name in self._finished:
            record = from_json(self._finished[name], kind)
            self._publish(name, record)
            message = f"{name} was finished before the interruption."
            # Prefect takes a state that a task returns as the task's own, and hands on what it carries.
            return cast("R", Completed(name="Resumed", message=message, data=record))
        progress.report(name, 0.0)
        started = time.monotonic()
        key = reuse.key(before, self._context) if isinstance(before, Record) else None
        cached = self._cached(name, kind, key)
        record = cached or work(before, self._context)
        self._seconds[name] = time.monotonic() - started
        with open_ledger(self._context.workspace.ledger) as ledger:
            ledger.finish_stage(
                self._context.attempt,
                name,
                getattr(record, _ID[kind]),
                to_json(record),
                self._seconds[name],
                told(record, self._context.protocol.name),
            )
            if key:
                ledger.keep_key(self._context.attempt, name, key)
        self._publish(name, record)
        if cached:
            message = f"Nothing that decides {name} has changed: its result is that of an earlier run."
            return cast("R", Completed(name="Cached", message=message, data=record))
        said = process.sentence(record.memory) if isinstance(record, TrainedModel) else None
        return cast("R", Completed(message=said, data=record)) if said else record

    def _cached(self, name: str, kind: type[R], key: str | None) -> R | None:
        """What an earlier run has found out under the same key, unless this one is to begin afresh."""
        if key is None or self._fresh:
            return None
        with open_ledger(self._context.workspace.ledger) as ledger:
            row = ledger.result(name, key)
        found = reuse.found(row, self._context) if row else None
        return found if isinstance(found, kind) else None

    def _publish(self, name: str, record: Record) -> None:
        progress.report(name, 1.0, 1.0)
        artifacts.publish(self._context.protocol.name, name, record, self._context.workspace)

    def conclude(self, futures: list[PrefectFuture[Any]]) -> State[Any]:
        """Wait for the stages; the run fails in the words of the first one that failed."""
        with self._cleanup:
            for future in futures:
                future.wait()
                if not future.state.is_completed():
                    return self._failed(future.state)
            return self._completed([future.result() for future in futures])

    def _failed(self, state: State[Any]) -> State[Any]:
        error = state.result(raise_on_failure=False)
        self._lineage.failed("", str(error) if isinstance(error, PulseError) else "A stage did not complete.")
        if not isinstance(error, PulseError):
            # The attempt stays open: whatever this was, the next run goes on after the last finished stage.
            return Failed(message=state.message or "A stage did not complete.", data=error)
        if not isinstance(error, UnavailableError):
            # What was only out of reach leaves the attempt open too: the next run goes on with it.
            self._end("failed", str(error), validation_failed(error, self._context.protocol.name))
        return Failed(message=str(error), data=error)

    def _completed(self, records: list[Record]) -> State[Summary]:
        model = next(record for record in records if isinstance(record, TrainedModel))
        deployment = next(record for record in records if isinstance(record, Deployment))
        self._lineage.completed("", model, deployment)
        said = " ".join(filter(None, (deployment.reason, process.sentence(model.memory))))
        self._end("completed", said)
        summary = Summary(
            protocol=self._context.protocol.name,
            snapshot=model.snapshot,
            run=model.run,
            model=model.model,
            metrics=model.metrics,
            promoted=deployment.promoted,
            champion=deployment.champion,
            reason=deployment.reason,
            seconds={stage: round(seconds, 3) for stage, seconds in self._seconds.items()},
        )
        return Completed(message=said, data=summary)

    def _end(
        self, state: Literal["completed", "failed"], message: str, event: NewEvent | None = None
    ) -> None:
        with open_ledger(self._context.workspace.ledger) as ledger:
            ledger.end(self._context.attempt, state, message)
            if event:
                ledger.emit(event.event, event.resource, event.payload)
            api = PREFECT_API_URL.value()
            if api:
                deliver(ledger, api, os.environ.get("PREFECT_API_KEY"))

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(_HEARTBEAT_SECONDS):
            with (
                contextlib.suppress(PulseError),
                open_ledger(self._context.workspace.ledger) as ledger,
            ):
                ledger.heartbeat(self._context.attempt)


def conduct(
    stages: Callable[[PipelineRun], list[PrefectFuture[Any]]],
    name: str,
    start: dt.date | None,
    end: dt.date | None,
    cause: str | None = None,
    *,
    fresh: bool = False,
) -> State[Any]:
    """Run the stages of a protocol and give the flow its final state: whatever is refused, in one sentence."""
    try:
        run = begin(name, start, end, cause, fresh=fresh)
    except causes.NothingToDoError as told:
        return Completed(name="Skipped", message=str(told))
    except PulseError as error:
        return Failed(message=str(error), data=error)
    return run.conclude(stages(run))


def begin(
    name: str,
    start: dt.date | None,
    end: dt.date | None,
    cause: str | None = None,
    *,
    fresh: bool = False,
) -> PipelineRun:
    """Load protocol and workspace, and take up the attempt that was interrupted, if there is one.

    An attempt is the same one where the protocol and the data asked for (a window, or a restored snapshot)
    are the same and the process that ran it is gone. Raises PulseError for a protocol that is not sound, or
    that breaks the champion's callers without a new major version; then nothing was touched. With ``cause``, a
    drift check, the data reach to the end of the window that drifted, and the run is made once (``causes``).
    With ``fresh`` every stage is done anew, whatever earlier runs have found out.
    """
    workspace = load_workspace()
    protocol = loading.load(loading.find(workspace, name))
    workspace = with_datasource(workspace, protocol.source.datasource)
    since, until = (day.isoformat() if day else None for day in (start, end))
    resolve(protocol, since, until, dt.datetime.now(dt.UTC))
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        require_version(protocol, workspace, ledger)
        # A run must not find out at its end that it cannot sign what it promotes.
        signing_key(workspace, create=True)
        # A run that asks for days of its own reads them, whatever has been restored.
        restored = None if since or until else ledger.restored(protocol.name)
        if cause is not None:
            check = causes.look_up(ledger, protocol, cause, again=flow_run.run_count > 1)
            until = until or causes.until(check, protocol, dt.datetime.now(dt.UTC))
        data = f"{since} {until}" if restored is None else f"{restored.snapshot} {restored.seq}"
        attempt = ledger.begin(
            protocol.name, " ".join(filter(None, (protocol.digest, data, cause, "fresh" if fresh else None)))
        )
        if cause is not None:
            causes.use(ledger, protocol, cause, attempt.id)
    # "The last 90 days" of a resumed attempt are those before it was first begun.
    begun = dt.datetime.fromtimestamp(attempt.started / 1e6, dt.UTC)
    window = None if restored else resolve(protocol, since, until, begun)
    context = Context(
        protocol=protocol, workspace=workspace, window=window, attempt=attempt.id, restored=restored
    )
    run = PipelineRun(context, attempt, fresh=fresh)
    run.open()
    if restored is not None:
        get_run_logger().info("The training data are the restored snapshot %s.", restored.snapshot)
    if attempt.resumed:
        done = ", ".join(attempt.records) or "none"
        get_run_logger().info("Going on with an interrupted run; stages finished before: %s.", done)
    return run
