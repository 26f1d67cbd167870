"""Micro-batching without timers: what arrives in one turn of the event loop is one call of the model."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import RETRY_SECONDS, Refusal

log = logging.getLogger("pulse.serving")
Part = tuple[Job, Sequence[msgspec.Struct]]
_encode = msgspec.json.Encoder().encode


class Batcher:
    """The bounded queue in front of one model name. Used on the event loop only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal, metrics: Metrics) -> None:
        self._loop = loop
        self._journal = journal
        self._metrics = metrics
        self._pending: deque[Job] = deque()
        self._scheduled = False
        self.waiting = 0

    def takes_longer(self, job: Job) -> bool:
        """Whether a job that was just submitted will need more than the next batch."""
        return len(self._pending) > job.model.max_rows or len(job.records) > job.model.max_rows

    def submit(self, job: Job) -> asyncio.Future[None]:
        """Queue a job; its future is done when its rows are durable. Raises Refusal 503 where it is full."""
        if self.waiting >= job.model.queue:
            self._metrics.shed += 1
            raise Refusal(
                503, "serving.overloaded", f"{job.model.queue} requests are waiting already.",
                "Try again later.", retry_after=RETRY_SECONDS,
            )  # fmt: skip
        job.future = self._loop.create_future()
        self.waiting += 1
        self._pending.append(job)
        self._schedule()
        return job.future

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        parts = self._take()
        if parts:
            self._answer(parts)
        if self._pending:
            self._schedule()

    def _take(self) -> list[Part]:
        """Records for one call: as many as a batch may hold, of jobs for one model, in turn."""
        parts: list[Part] = []
        pending, room = self._pending, 0
        for _ in range(len(pending)):
            job = pending[0]
            if job.future.done():
                pending.popleft()
                self.waiting -= 1
                continue
            if not parts:
                model, room = job.model, job.model.max_rows
            if job.model is not model or room == 0:
                break
            pending.popleft()
            done = len(job.rows)
            part = job.records[done : done + room]
            parts.append((job, part))
            room -= len(part)
            if done + len(part) < len(job.records):
                # A large request goes to the back after each batch, so that small ones pass it.
                pending.append(job)
        return parts

    def _answer(self, parts: list[Part]) -> None:
        model = parts[0][0].model
        try:
            finished = self._compute(model, parts)
        except Exception as error:  # noqa: BLE001 - whatever happens, every job gets its end
            self._fail([job for job, _ in parts], _as_failure(error, model))
            return
        if finished:
            rows = [row for job in finished for row in job.rows]
            self._journal.write(rows, lambda error: self._settle(finished, error))

    def _compute(self, model: Model, parts: list[Part]) -> list[Job]:
        """Answer the records from cache or model; returns the jobs that are computed to their end."""
        records = [record for _, part in parts for record in part]
        texts = [_encode(record) for record in records]
        found = [model.cache.get(text) for text in texts]
        missing = [at for at, answer in enumerate(found) if answer is None]
        if missing:
            outputs = iter(model.outputs([records[at] for at in missing]))
            self._metrics.batches += 1
            self._metrics.batched_rows += len(missing)
        self._metrics.cache_hits += len(records) - len(missing)
        hits = [answer is not None for answer in found]
        answers = [a or model.cache.put(text, next(outputs)) for a, text in zip(found, texts, strict=True)]
        start, finished = 0, []
        for job, part in parts:
            stop = start + len(part)
            job.add(part, answers[start:stop], hits[start:stop])
            start = stop
            if len(job.rows) == len(job.records):
                finished.append(job)
        return finished

    def _settle(self, jobs: list[Job], error: PulseError | None) -> None:
        self.waiting -= len(jobs)
        for job in jobs:
            if job.future.done():
                continue
            if error is None:
                job.future.set_result(None)
            else:
                job.future.set_exception(error)

    def _fail(self, jobs: list[Job], error: PulseError) -> None:
        for job in jobs:
            if not job.future.done():
                job.future.set_exception(error)
            # A job with more records to come is still in the queue, which lets go of it in its turn.
            if job not in self._pending:
                self.waiting -= 1


def _as_failure(error: Exception, model: Model) -> PulseError:
    """The error as one of ours. Its kind goes to the log, never its message: inputs stay out of logs."""
    code = error.code if isinstance(error, PulseError) else type(error).__name__
    log.error("%s did not answer: %s", model.id, code)
    if isinstance(error, PulseError):
        return error
    return PulseError("serving.internal", "The runtime failed to answer this request.")
