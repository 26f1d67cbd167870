"""The thread that computes, so that the event loop never waits for a model.

Micro-batches need no timer: while one is computed, what arrives gathers for the next.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_ids
from pulse_blocks.serving.failures import ClientGoneError, TooLateError, ledger_failed, model_failed
from pulse_blocks.serving.jobs import Job, Outcome, code_of
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

log = logging.getLogger("pulse.serving")

# How often a thread that is to end is asked whether it hangs.
CLOSE_SECONDS = 0.05
Part = tuple[Job, Sequence[msgspec.Struct]]


class AbandonedError(Exception):
    """This thread hung in a model, and another one does its work now."""


class Worker:
    """Jobs in; whole ones go to the journal, others come back as outcomes.

    Everything but ``put``, ``abandon`` and ``close`` runs on its own thread.
    """

    def __init__(
        self,
        journal: Journal,
        metrics: Metrics,
        settle: Callable[[list[Outcome]], None],
        is_all: Callable[[int], bool],
    ) -> None:
        """``is_all`` tells whether so many jobs are all that wait anywhere, the journal included."""
        self._journal = journal
        self._metrics = metrics
        self._settle = settle
        self._is_all = is_all
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._pending: deque[Job] = deque()
        self._batch: list[Part] = []
        self._whole: list[Job] = []
        self._outcomes: list[Outcome] = []
        self._calling: tuple[Model, int] | None = None
        self._claim = threading.Lock()
        self._closing = self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="pulse-worker", daemon=True)
        self._thread.start()

    def put(self, jobs: list[Job]) -> None:
        """Have jobs answered; each ends in ``settle`` exactly once, here or in the journal."""
        self._inbox.put(jobs)

    def close(self) -> bool:
        """Answer what waits and end the thread; False where it hangs, and another one has its work."""
        self._inbox.put(None)
        while self._thread.is_alive() and not self._abandoned:
            self._thread.join(CLOSE_SECONDS)
        return not self._abandoned

    def abandon(self, now: int) -> tuple[Model, list[Job]] | None:
        """Give the thread up where it hangs in a model; returns the model and every job it was left with."""
        with self._claim:
            if self._calling is None or now - self._calling[1] < self._calling[0].hang_ns:
                return None
            model, self._abandoned = self._calling[0], True
        left = [*self._whole, *(job for job, _ in self._batch), *self._pending]
        while not self._inbox.empty():
            left += self._inbox.get() or []
        ended = {job for job, _ in self._outcomes}
        self._settle(self._outcomes)
        return model, [job for job in dict.fromkeys(left) if job not in ended]

    def _run(self) -> None:
        while self._gather():
            try:
                self._step()
            except AbandonedError:
                return

    def _gather(self) -> bool:
        """Wait for jobs; False only where the worker is closed and has answered everything."""
        while not self._inbox.empty() or not (self._pending or self._closing):
            jobs = self._inbox.get()
            if jobs is None:
                self._closing = True
            else:
                self._pending.extend(jobs)
        return bool(self._pending)

    def _step(self) -> None:
        """One batch."""
        self._whole, self._outcomes = [], []
        self._batch = self._take()
        if self._batch:
            self._answer(self._batch[0][0].model, self._batch)
        if self._whole:
            if self._is_all(len(self._whole) + len(self._outcomes)):
                # Nobody else waits: a change of threads would only cost this request its time.
                self._outcomes += self._journal.write(self._whole)
            else:
                self._journal.put(self._whole)
        if self._outcomes:
            self._settle(self._outcomes)

    def _take(self) -> list[Part]:
        """Records for one call: as many as a batch may hold, of jobs for one model, in turn."""
        parts: list[Part] = []
        pending, now, room = self._pending, time.perf_counter_ns(), 1
        while pending and room:
            job = pending[0]
            if parts and job.model is not parts[0][0].model:
                break
            pending.popleft()
            if error := _needless(job, now):
                self._outcomes.append((job, error))
            elif job.is_whole():
                self._whole.append(job)
            else:
                if not parts:
                    room = job.model.max_rows
                done = len(job.rows)
                part = job.records[done : done + room]
                parts.append((job, part))
                room -= len(part)
        return parts

    def _answer(self, model: Model, parts: list[Part]) -> None:
        if wait := self._journal.refuses(model):
            self._outcomes += [(job, ledger_failed(wait)) for job, _ in parts]
            return
        try:
            self._compute(model, parts)
        except AbandonedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, every job gets its end
            if len(parts) > 1 and model.circuit.allows():
                # One record must not fail the others that came in the same batch.
                for part in parts:
                    self._answer(model, [part])
            else:
                self._fall_back(model, parts, error)

    def _compute(self, model: Model, parts: list[Part]) -> None:
        """Answer the records from cache or model."""
        records = [record for _, part in parts for record in part]
        texts = [text for job, part in parts for text in job.texts(part)]
        found = [model.cache.get(text) for text in texts]
        missing = [at for at, answer in enumerate(found) if answer is None]
        outputs = iter(self._call(model, [records[at] for at in missing]) if missing else ())
        self._metrics.cache_hits += len(records) - len(missing)
        hits = [answer is not None for answer in found]
        answers = [a or model.cache.put(text, next(outputs)) for a, text in zip(found, texts, strict=True)]
        ids = new_inference_ids(len(records))
        start = 0
        for job, part in parts:
            stop = start + len(part)
            job.add(part, answers[start:stop], hits[start:stop], ids[start:stop])
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
            log.error("%s did not answer: %s", model.id, code_of(error))  # noqa: TRY400 - a trace may show inputs
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


def _needless(job: Job, now: int) -> Exception | None:
    """Why a job need not be answered any more, None where it must be."""
    if job.future.done() or job.client.disconnected:
        return ClientGoneError()
    return TooLateError() if now > job.deadline else None
