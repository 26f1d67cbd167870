"""Answering jobs a batch at a time, on whatever thread does it: from the cache, the model, or the one before it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_ids
from pulse_blocks.serving.failures import ClientGoneError, TooLateError, ledger_failed, model_failed
from pulse_blocks.serving.jobs import Job, Outcome, code_of
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

log = logging.getLogger("pulse.serving")

Part = tuple[Job, Sequence[msgspec.Struct]]


class AbandonedError(Exception):
    """The thread that computes hung in a model, and another one does its work now."""


class Computing:
    """Jobs that wait for a model. Each batch leaves ``whole`` ones, whose rows are to be written, and ``outcomes``.

    Used by one thread; any other may call ``abandon``.
    """

    def __init__(
        self,
        metrics: Metrics,
        refuses: Callable[[Model], float],
        again: Callable[[Job], None] | None = None,
    ) -> None:
        """``refuses`` says for how many seconds no rows of a model can be written, 0 where they can.

        Where ``again`` is given only quick models are called here: it takes the job of one that is no longer, and one
        that begins anew with its fallback model.
        """
        self.pending: deque[Job] = deque()
        self._again = again or self.pending.append
        self._quick_only = again is not None
        self.whole: list[Job] = []
        self.outcomes: list[Outcome] = []
        self._metrics = metrics
        self._refuses = refuses
        self._batch: list[Part] = []
        self._calling: tuple[Model, int] | None = None
        self._claim = threading.Lock()
        self._abandoned = False

    def step(self) -> None:
        """Compute one batch."""
        self.whole, self.outcomes = [], []
        self._batch = self._take()
        if self._batch:
            self._answer(self._batch[0][0].model, self._batch)

    def abandon(self, now: int) -> tuple[Model, list[Job], list[Outcome]] | None:
        """Give the thread up where it hangs in a model; its next step raises AbandonedError.

        Returns the model, the jobs that nothing became of, and the outcomes of others.
        """
        with self._claim:
            if self._calling is None or now - self._calling[1] < self._calling[0].hang_ns:
                return None
            model, self._abandoned = self._calling[0], True
        return model, [*self.whole, *(job for job, _ in self._batch), *self.pending], self.outcomes

    def _take(self) -> list[Part]:
        """Records for one call: as many as a batch may hold, of jobs for one model, in turn."""
        parts: list[Part] = []
        pending, now, room = self.pending, time.perf_counter_ns(), 1
        while pending and room:
            job = pending[0]
            if parts and job.model is not parts[0][0].model:
                break
            pending.popleft()
            if error := _needless(job, now):
                self.outcomes.append((job, error))
            elif job.is_whole():
                self.whole.append(job)
            else:
                if not parts:
                    room = job.model.max_rows
                done = len(job.rows)
                part = job.records[done : done + room]
                parts.append((job, part))
                room -= len(part)
        return parts

    def _answer(self, model: Model, parts: list[Part]) -> None:
        if wait := self._refuses(model):
            self.outcomes += [(job, ledger_failed(wait)) for job, _ in parts]
            return
        try:
            self._compute(model, parts)
        except AbandonedError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever happens, every job gets its end
            if len(parts) > 1 and model.circuit.allows():
                # One record must not fail the others that came in the same batch.
                for part in parts:
                    if self._quick_only and not model.is_quick():
                        self._again(part[0])
                    else:
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
                self.whole.append(job)
            else:
                # A large request goes to the back after each batch, so that small ones pass it.
                self.pending.append(job)

    def _call(self, model: Model, records: Sequence[msgspec.Struct]) -> list[bytes]:
        if not model.circuit.allows():
            raise model_failed("serving.circuit_open", f"{model.id} failed again and again.", 0)
        started = time.perf_counter_ns()
        self._calling = model, started
        try:
            outputs = model.outputs(records)
        except Exception as error:
            self._returned()
            model.took(time.perf_counter_ns() - started, len(records))
            self._metrics.model_failures[model.id] += 1
            log.error("%s did not answer: %s", model.id, code_of(error))  # noqa: TRY400 - a trace may show inputs
            model.circuit.failed(code_of(error))
            raise
        self._returned()
        model.took(time.perf_counter_ns() - started, len(records))
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
            if _falls_back(job):
                self._metrics.fallbacks[job.model.id] += 1
                self._again(job)
            else:
                refusal = model_failed(code, told, max(1.0, model.circuit.remaining()))
                self.outcomes.append((job, refusal))


def _falls_back(job: Job) -> bool:
    try:
        return job.fall_back()
    except Exception:  # noqa: BLE001 - the model before cannot take it, for whatever reason
        return False


def _needless(job: Job, now: int) -> Exception | None:
    """Why a job need not be answered any more, None where it must be."""
    if job.future.done() or job.client.disconnected:
        return ClientGoneError()
    return TooLateError() if now > job.deadline else None
