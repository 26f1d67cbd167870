"""The training step itself, where it runs: one stage of an attempt that a pipeline elsewhere is waiting for."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from prefect import State
from prefect.states import Completed, Failed

from pulse_blocks.blocks import artifacts, steps
from pulse_blocks.blocks.workspace import load_workspace
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import RawBatch, ValidatedData, from_json, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.train import train
from pulse_blocks.stores import open_store
from pulse_blocks.training.process import OutOfMemoryError, discard, sentence

_HEARTBEAT_SECONDS = 10.0


def fit(attempt: str, digest: str, memory: list[str]) -> State[Any]:
    """Train within the last limit of ``memory``, and leave the record in the ledger.

    The state's name says what became of it to the pipeline that waits: Refused, Unavailable, OutOfMemory.
    """
    try:
        return _fit(attempt, digest, tuple(memory))
    except OutOfMemoryError as error:
        return Failed(name="OutOfMemory", message=error.message)
    except UnavailableError as error:
        return Failed(name="Unavailable", message=str(error))
    except PulseError as error:
        return Failed(name="Refused", message=str(error))
    finally:
        discard()


def _fit(attempt: str, digest: str, memory: tuple[str, ...]) -> State[Any]:
    workspace = load_workspace()
    protocol = steps.published(open_store(workspace.store), digest)
    with _alive(workspace):
        data, context = _taken_up(workspace, protocol, attempt, memory)
        started = time.monotonic()
        with artifacts.progress_bar(protocol.name, f"training {protocol.name}", artifacts.overall_percent):
            record = train(data, context)
        with open_ledger(workspace.ledger) as ledger:
            ledger.finish_stage(attempt, "train", record.run, to_json(record), time.monotonic() - started)
    artifacts.publish(protocol.name, "train", record, workspace)
    return Completed(message=sentence(record.memory) or f"{record.model} was trained.")


def _taken_up(
    workspace: Workspace, protocol: Protocol, attempt: str, memory: tuple[str, ...]
) -> tuple[ValidatedData, Context]:
    """What the stages before have left in the ledger."""
    with open_ledger(workspace.ledger) as ledger:
        records = ledger.stage_records(attempt)
        restored = ledger.restored(protocol.name)
    missing = {"ingest", "validate"} - records.keys()
    if missing:
        raise PulseError(
            "training.no_attempt",
            f"The ledger {workspace.ledger} holds no {' and no '.join(sorted(missing))} of {attempt}.",
            "The step must see the ledger of the pipeline that starts it; pulse infra check looks for that.",
        )
    raw = from_json(records["ingest"], RawBatch)
    same = restored is not None and restored.snapshot == raw.restored
    return from_json(records["validate"], ValidatedData), Context(
        protocol=protocol,
        workspace=workspace,
        window=raw.window,
        attempt=attempt,
        restored=restored if same else None,
        memory=memory,
    )


@contextlib.contextmanager
def _alive(workspace: Workspace) -> Iterator[None]:
    """Say in the ledger that this step lives, and end it where the pipeline that waits for it is cancelled."""
    ended, me = threading.Event(), steps.this_run()

    def beat() -> None:
        while True:
            with contextlib.suppress(PulseError, *steps.AWAY):
                _follow(workspace, me)
            if ended.wait(_HEARTBEAT_SECONDS):
                return

    thread = threading.Thread(target=beat, name="pulse-step", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(workspace: Workspace, me: str) -> None:
    with open_ledger(workspace.ledger) as ledger:
        pipeline = ledger.step_heartbeat(me)
    state = steps.state_of(pipeline) if pipeline else None
    if state is not None and (state.is_cancelled() or state.is_cancelling()):
        steps.cancelled(me, "The pipeline that it belongs to was cancelled.")
        # With this process the one that trains ends too. Any other exit code would be told as a crash.
        os._exit(0)
