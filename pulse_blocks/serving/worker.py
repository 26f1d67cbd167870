"""The thread that computes and commits: one turn is everything that waits, and one transaction.

While it waits for the disk, what arrives gathers for the next turn: batches grow with the load, without timers.
The event loop never waits for a model or a disk.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue

import msgspec

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.circuit import Circuit
from pulse_blocks.serving.failures import ClientGoneError, TooLateError, ledger_failed, model_failed
from pulse_blocks.serving.jobs import Job, code_of
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

log = logging.getLogger("pulse.serving")

# A turn ends after so many rows, so that the first of them do not wait long for the last.
TURN_ROWS = 1024
Part = tuple[Job, Sequence[msgspec.Struct]]
Outcome = tuple[Job, Exception | None]
_encode = msgspec.json.Encoder().encode


class AbandonedError(Exception):
    """This thread hung in a model, and another one does its work now."""


class Worker:
    """Jobs in, outcomes out. Everything but ``put``, ``abandon`` and ``close`` runs on its own thread."""

    def __init__(
        self, ledger: Ledger, circuit: Circuit, metrics: Metrics, settle: Callable[[list[Outcome]], None]
    ) -> None:
        self._ledger = ledger
        self._circuit = circuit
        self._metrics = metrics
        self._settle = settle
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._pending: deque[Job] = deque()
        self._batch: list[Part] = []
        self._whole: list[Job] = []
        self._outcomes: list[Outcome] = []
        self._calling: tuple[Model, int] | None = None
        self._claim = threading.Lock()
        self._closing = self._abandoned = self._failing = False
        self._thread = threading.Thread(target=self._run, name="pulse-worker", daemon=True)
        self._thread.start()

    def put(self, jobs: list[Job]) -> None:
        """Have jobs answered; each comes back through ``settle`` exactly once."""
        self._inbox.put(jobs)

    def close(self) -> None:
        """Answer what waits and end the thread."""
        self._inbox.put(None)
        self._thread.join()

    def abandon(self, now: int) -> tuple[Model, list[Job]] | None:
        """Give the thread up where it hangs in a model; returns the model and every job it was left with."""
        with self._claim:
            if self._calling is None or now - self._calling[1] < self._calling[0].hang_ns:
                return None
            model, self._abandoned = self._calling[0], True
        jobs = dict.fromkeys([*self._whole, *(job for job, _ in self._batch), *self._pending])
        while not self._inbox.empty():
            jobs |= dict.fromkeys(self._inbox.get() or [])
        for job, _ in self._outcomes:
            jobs.pop(job, None)
        self._settle(self._outcomes)
        return model, list(jobs)

    def _run(self) -> None:
        while self._gather():
            try:
                self._turn()
            except AbandonedError:
                return

    def _gather(self) -> bool:
        """Wait for jobs; False only where the worker is closed and everything is answered."""
        while not self._inbox.empty() or not (self._pending or self._closing):
            jobs = self._inbox.get()
            if jobs is None:
                self._closing = True
            else:
                self._pending.extend(jobs)
        return bool(self._pending)

    def _turn(self) -> None:
        self._whole, self._outcomes = [], []
        left, rows = len(self._pending), 0
        while left > 0 and rows < TURN_ROWS:
            visited = self._take(left)
            left -= visited
            rows += sum(len(records) for _, records in self._batch)
            if self._batch:
                self._answer(self._batch[0][0].model, self._batch)
        if self._whole:
            self._commit(self._whole)
        self._settle(self._outcomes)

    def _take(self, most: int) -> int:
        """Records for one call: as many as a batch may hold, of jobs for one model, in turn.

        Visits at most ``most`` jobs and returns how many it took from the front of the queue.
        """
        self._batch, room, now, visited = [], 1, time.perf_counter_ns(), 0
        model: Model | None = None
        while visited < most and room:
            job = self._pending[0]
            if error := _needless(job, now):
                self._outcomes.append((job, error))
            elif job.is_whole():
                self._whole.append(job)
            elif model is None or job.model is model:
                if model is None:
                    model, room = job.model, job.model.max_rows
                done = len(job.rows)
                part = job.records[done : done + room]
                self._batch.append((job, part))
                room -= len(part)
            else:
                break
            self._pending.popleft()
            visited += 1
        return visited

    def _answer(self, model: Model, parts: list[Part]) -> None:
        if not self._circuit.allows():
            self._fail(parts, ledger_failed(self._circuit.remaining()))
            return
        try:
            self._compute(model, parts)
        except AbandonedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, every job gets its end
            if len(parts) > 1 and model.circuit.allows():
                # One record must not fail the others that came in the same turn.
                for part in parts:
                    self._answer(model, [part])
            else:
                self._fall_back(model, parts, error)

    def _compute(self, model: Model, parts: list[Part]) -> None:
        """Answer the records from cache or model."""
        records = [record for _, part in parts for record in part]
        texts = [_encode(record) for record in records]
        found = [model.cache.get(text) for text in texts]
        missing = [at for at, answer in enumerate(found) if answer is None]
        outputs = iter(self._call(model, [records[at] for at in missing]) if missing else ())
        self._metrics.cache_hits += len(records) - len(missing)
        hits = [answer is not None for answer in found]
        answers = [a or model.cache.put(text, next(outputs)) for a, text in zip(found, texts, strict=True)]
        start = 0
        for job, part in parts:
            stop = start + len(part)
            job.add(part, answers[start:stop], hits[start:stop])
            start = stop
            if job.is_whole():
                self._whole.append(job)
            else:
                # A large request goes to the back after each batch, so that small ones pass it.
                self._pending.append(job)

    def _call(self, model: Model, records: Sequence[msgspec.Struct]) -> list[bytes]:
        if not model.circuit.allows():
            raise model_failed("serving.circuit_open", f"{model.id} failed again and again.", 0)
        self._calling = model, time.perf_counter_ns()
        try:
            outputs = model.outputs(records)
        except Exception as error:
            self._returned()
            self._metrics.model_failures[model.id] += 1
            model.circuit.failed(code_of(error))
            raise
        self._returned()
        model.circuit.succeeded()
        self._metrics.batches += 1
        self._metrics.batched_rows += len(records)
        return outputs

    def _returned(self) -> None:
        """From here on the batch is this thread's alone, unless it was given up."""
        with self._claim:
            self._calling = None
            if self._abandoned:
                raise AbandonedError

    def _fall_back(self, model: Model, parts: Iterable[Part], error: Exception) -> None:
        log.error("%s did not answer: %s", model.id, code_of(error))
        code, told = "model.failed", "The model failed to answer this request."
        if isinstance(error, PulseError):
            code, told = error.code, error.message
        for job, _ in parts:
            if job.fall_back():
                self._metrics.fallbacks[job.model.id] += 1
                self._pending.append(job)
            else:
                refusal = model_failed(code, told, max(1.0, model.circuit.remaining()))
                self._outcomes.append((job, refusal))

    def _fail(self, parts: Iterable[Part], error: Exception) -> None:
        self._outcomes += [(job, error) for job, _ in parts]

    def _commit(self, jobs: list[Job]) -> None:
        """Write the rows of jobs in one transaction; where the ledger refuses one of them, one by one."""
        try:
            self._ledger.append([row for job in jobs for row in job.rows])
        except UnavailableError as error:
            self._without_ledger(jobs, error)
        except PulseError as error:
            self._metrics.commit_failures += 1
            if len(jobs) == 1:
                self._outcomes.append((jobs[0], error))
                return
            for job in jobs:
                self._commit([job])
        except Exception as error:  # noqa: BLE001 - this thread must outlive whatever happens to one turn
            self._without_ledger(jobs, error)
        else:
            if self._failing:
                log.warning("The ledger takes rows again.")
            self._failing = False
            self._circuit.succeeded()
            self._metrics.commits += 1
            self._outcomes += [(job, None) for job in jobs]

    def _without_ledger(self, jobs: list[Job], error: Exception) -> None:
        self._metrics.commit_failures += 1
        self._circuit.failed(code_of(error))
        if not self._failing:
            reason = str(error) if isinstance(error, PulseError) else code_of(error)
            log.error("No request is answered until the ledger takes rows again: %s", reason)
        self._failing = True
        failure = ledger_failed(max(1.0, self._circuit.remaining()))
        self._outcomes += [(job, failure) for job in jobs]


def _needless(job: Job, now: int) -> Exception | None:
    """Why a job need not be answered any more, None where it must be."""
    if job.future.done() or job.client.disconnected:
        return ClientGoneError()
    return TooLateError() if now > job.deadline else None

