"""Training as a step of its own: a flow run on the workspace's work pool, sized by the plan, waited for.

The step's result comes through the ledger. One that died is started again whole, one that ran out of memory with
twice as much. A pipeline that was killed finds its step again, and goes on waiting.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pulse_blocks import progress
from pulse_blocks.blocks import steps
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import spec
from pulse_blocks.records import RefusedModel, TrainedModel, ValidatedData, from_json
from pulse_blocks.stages import train as stage
from pulse_blocks.stages.context import Context
from pulse_blocks.training.process import OutOfMemoryError
from pulse_blocks.training.process.retrying import after
from pulse_blocks.training.sizing import LARGEST, Plan, in_bytes, plan, written

if TYPE_CHECKING:
    from prefect import State

    from pulse_blocks.ledger.steps import Step

# How often the step is asked for, and after how much silence it counts as dead.
_LOOK_SECONDS, _SILENCE_SECONDS = 2.0, 90.0
# What a container may take from the worker's call to its first line: large images come slowly.
_START_SECONDS = 600.0
# How long the Prefect server may be away while a step is waited for.
_ABSENCE_SECONDS = 600.0
# What a step may take beside its training: to start a container, to load, to store.
_GRACE_SECONDS = 900.0
_KILLED_FOR_MEMORY = re.compile(r"OutOfMemory|status code:? 137\b")


def train(data: ValidatedData, context: Context) -> TrainedModel:
    """The train stage: here, or on the work pool where the workspace names one."""
    if not context.workspace.training_pool:
        return stage.train(data, context)
    return OnPool(data, context).train()


class OnPool:
    """One train stage on a work pool."""

    def __init__(self, data: ValidatedData, context: Context) -> None:
        from pulse_blocks.snapshots.reading import load
        from pulse_blocks.stores import open_store

        self._context = context
        self._pool = context.workspace.training_pool
        self._answered = time.monotonic()
        store = open_store(context.workspace.store)
        self._plan: Plan = plan(context.protocol, load(store, data.snapshot))
        # Workers that are not on a cluster elsewhere are all in the step's own container.
        self._workers = 1 if context.workspace.dask else self._plan.workers
        steps.publish(store, context.protocol)

    def train(self) -> TrainedModel:
        """Start the step, or find the one that a killed pipeline has started, until one has done its work."""
        step = self._unfinished()
        used = step.memory.split(", ") if step else [written(self._limit())]
        while True:
            run = step.flow_run if step else self._start(used)
            self._wait_for(run, used)
            try:
                return self._result(run)
            except OutOfMemoryError as error:
                limit = after(self._context.protocol, used, error, LARGEST)
                told = f"{used[-1]} of memory were not enough: trying again with {written(limit)}."
                progress.report("train", 0.0, None, told)
                used, step = [*used, written(limit)], None

    def _limit(self) -> int:
        said = self._context.protocol.training.resources.ceiling
        asked = in_bytes(self._plan.memory) * self._workers
        return min(asked, in_bytes(said)) if said else asked

    def _unfinished(self) -> Step | None:
        """The newest step of this attempt, unless it has come to an end that nothing follows from."""
        with open_ledger(self._context.workspace.ledger) as ledger:
            known = ledger.steps(self._context.attempt)
        state = steps.state_of(known[-1].flow_run) if known else None
        if state is None:
            return None
        follows = not state.is_final() or state.is_completed() or state.name == "OutOfMemory"
        return known[-1] if follows else None

    def _start(self, used: list[str]) -> str:
        with open_ledger(self._context.workspace.ledger) as ledger:
            number = len(ledger.steps(self._context.attempt))
        run = steps.start(
            self._context,
            self._pool,
            cpu=max(self._plan.cpu, self._workers),
            memory=used,
            key=f"{self._context.attempt} {number}",
        )
        progress.report("train", 0.0, None, f"waiting for a worker of the pool {self._pool}")
        return run

    def _wait_for(self, run: str, used: list[str]) -> None:
        """Return when the flow run has ended. One that has not begun or ended in time is cancelled."""
        context = self._context
        with open_ledger(context.workspace.ledger) as ledger:
            ledger.begin_step(run, context.attempt, steps.this_run(), ", ".join(used))
        allowed = allowed_seconds(context.protocol)
        self._answered = time.monotonic()
        deadline = self._answered + allowed
        while not self._ended(run):
            if time.monotonic() > deadline:
                steps.cancel(run, f"It has not ended within {allowed:,.0f} s.")
                raise PulseError(
                    "training.timeout",
                    f"The training step {run} on the pool {self._pool} has not ended within {allowed:,.0f} s.",
                    "pulse infra check says whether the pool has a worker; or raise training.resources.timeout.",
                )
            time.sleep(_LOOK_SECONDS)

    def _ended(self, run: str) -> bool:
        """Whether the step has ended; while the server is away nobody knows, and it goes on meanwhile."""
        try:
            ended = self._has_ended(run)
        except steps.AWAY as error:
            if time.monotonic() - self._answered < _ABSENCE_SECONDS:
                return False
            raise UnavailableError(
                "training.no_server",
                f"The Prefect server has not answered for {_ABSENCE_SECONDS:,.0f} s: {type(error).__name__}.",
                "Start it, and give the same command again: it finds its step, which went on meanwhile.",
            ) from None
        self._answered = time.monotonic()
        return ended

    def _has_ended(self, run: str) -> bool:
        state = steps.state_of(run)
        if state is None or state.is_final():
            return True
        if lost := self._lost(run, state):
            steps.crash(run, lost)
            return True
        return False

    def _lost(self, run: str, state: State[object]) -> str | None:
        """Why a step that has been begun is taken to have died, None where it may live."""
        heard = state.timestamp.timestamp()
        if state.is_pending():
            container = steps.awaits_container(run, self._pool)
            allowed = _START_SECONDS if container else _SILENCE_SECONDS
            said = "A worker has taken it, and nothing has started."
        elif state.is_running():
            with open_ledger(self._context.workspace.ledger) as ledger:
                known = {one.flow_run: one for one in ledger.steps(self._context.attempt)}
            heard = max(heard, (known[run].heartbeat or 0) / 1e6)
            allowed, said = _SILENCE_SECONDS, "Nothing was heard of it for too long."
        else:
            return None
        return said if heard < time.time() - allowed else None

    def _result(self, run: str) -> TrainedModel:
        """What the step came to. Raises what it raised; UnavailableError where it died, which is worth another try."""
        with open_ledger(self._context.workspace.ledger) as ledger:
            records = ledger.stage_records(self._context.attempt)
        if "train" in records:
            return from_json(records["train"], TrainedModel)
        state = steps.state_of(run)
        name, message = (state.name, state.message or "") if state else ("gone", "Prefect does not know it.")
        if name == "Crashed" and self._crashed_before(run):
            raise OutOfMemoryError(
                "training.out_of_memory",
                f"The training step on the pool {self._pool} has died twice with the same memory: {message}",
                "Raise training.resources.ceiling; what the platform says of its containers may tell another reason.",
            )
        raise _error(self._pool, name or "", message, records)

    def _crashed_before(self, run: str) -> bool:
        """Whether a container with as much memory has died before.

        Neither ECS nor Kubernetes hands on that a container was killed for memory; no other reason is as likely then.
        """
        with open_ledger(self._context.workspace.ledger) as ledger:
            known = {one.flow_run: one.memory for one in ledger.steps(self._context.attempt)}
        others = [one for one, memory in known.items() if memory == known[run] and one != run]
        states = [steps.state_of(one) for one in others]
        return steps.is_of_containers(self._pool) and any(one and one.is_crashed() for one in states)


def allowed_seconds(protocol: spec.Protocol) -> float:
    """How long a step may take from when it is asked for: its fit, what is beside it, and the trials before it.

    Each trial may take as long as a fit. Where the search has a timeout no batch begins after it, and one goes on.
    """
    fit, search = spec.seconds(protocol.training.resources.timeout), protocol.training.search
    if search is None:
        trials = 0.0
    elif search.timeout is None:
        trials = search.trials * fit
    else:
        trials = spec.seconds(search.timeout) + fit
    return trials + fit + _GRACE_SECONDS


def _error(pool: str, name: str, message: str, records: dict[str, bytes]) -> PulseError:
    if name == "OutOfMemory" or (name == "Crashed" and _KILLED_FOR_MEMORY.search(message)):
        return OutOfMemoryError(
            "training.out_of_memory",
            message,
            "Raise training.resources.ceiling, or train on fewer rows or columns.",
        )
    if name == "Refused" and "refused" in records:
        said = from_json(records["refused"], RefusedModel)
        return PulseError(said.code, said.reason, said.hint)
    if name in ("Cancelled", "Cancelling"):
        return PulseError("training.cancelled", f"The training step on the pool {pool} was cancelled.")
    kind: Callable[..., Any] = PulseError if name == "Refused" else UnavailableError
    error: PulseError = kind(
        "training.step_failed",
        f"The training step on the pool {pool} ended as {name}: {message}",
        "pulse infra check looks for what the pool lacks.",
    )
    return error
