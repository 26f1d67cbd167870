"""Micro-batching without timers: what arrives in one turn of the event loop is one call of the model."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import RETRY_SECONDS, Refusal

log = logging.getLogger("pulse.serving")
_encode = msgspec.json.Encoder().encode


class Job:
    """One request: its records, computed some at a time, and the future that its reply waits for.

    ``ids`` and ``replies`` are one a record once the future is done; ``started`` is ``perf_counter_ns``.
    """

    __slots__ = ("future", "ids", "model", "outputs", "records", "replies", "started")

    def __init__(self, model: Model, records: Sequence[msgspec.Struct], started: int) -> None:
        self.model = model
        self.records = records
        self.started = started
        self.outputs: list[bytes] = []
        self.ids: list[str] = []
        self.replies: list[bytes] = []
        self.future: asyncio.Future[None]


class Batcher:
    """The bounded queue in front of one model name. Used on the event loop only."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, journal: Journal, metrics: Metrics, limit: int
    ) -> None:
        self._loop = loop
        self._journal = journal
        self._metrics = metrics
        self._limit = limit
        self._pending: deque[Job] = deque()
        self._scheduled = False
        self.waiting = 0

    def submit(self, job: Job) -> asyncio.Future[None]:
        """Queue a job; its future is done when its rows are durable. Raises Refusal 503 where it is full."""
        if self.waiting >= self._limit:
            self._metrics.shed += 1
            raise Refusal(
                503, "serving.overloaded", f"{self._limit} requests are waiting already.",
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
            self._compute(parts)
        if self._pending:
            self._schedule()

    def _take(self) -> list[tuple[Job, Sequence[msgspec.Struct]]]:
        """Records for one call: as many as a batch may hold, of jobs for one model, in turn."""
        parts: list[tuple[Job, Sequence[msgspec.Struct]]] = []
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
            part = job.records[len(job.outputs) : len(job.outputs) + room]
            parts.append((job, part))
            room -= len(part)
            if len(job.outputs) + len(part) < len(job.records):
                # A large request goes to the back after each batch, so that small ones pass it.
                pending.append(job)
        return parts

    def _compute(self, parts: list[tuple[Job, Sequence[msgspec.Struct]]]) -> None:
        model = parts[0][0].model
        records = [record for _, part in parts for record in part]
        try:
            outputs = model.outputs(records)
            finished = _hand_out(parts, outputs)
            rows = [row for job in finished for row in seal(job)]
        except Exception as error:  # noqa: BLE001 - whatever happens, every job gets its end
            self._fail([job for job, _ in parts], _as_failure(error, model))
            return
        self._metrics.batches += 1
        self._metrics.batched_rows += len(records)
        if finished:
            self._journal.write(rows, lambda error: self._settle(finished, error))

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
            if job in self._pending:
                continue
            self.waiting -= 1


def _hand_out(parts: list[tuple[Job, Sequence[msgspec.Struct]]], outputs: list[bytes]) -> list[Job]:
    """Give each job its outputs; returns those that are computed to their end."""
    start, finished = 0, []
    for job, part in parts:
        job.outputs += outputs[start : start + len(part)]
        start += len(part)
        if len(job.outputs) == len(job.records):
            finished.append(job)
    return finished


def _as_failure(error: Exception, model: Model) -> PulseError:
    """The error as one of ours. Its kind goes to the log, never its message: inputs stay out of logs."""
    code = error.code if isinstance(error, PulseError) else type(error).__name__
    log.error("%s did not answer: %s", model.id, code)
    if isinstance(error, PulseError):
        return error
    return PulseError("serving.internal", "The runtime failed to answer this request.")


def seal(job: Job) -> list[InferenceTuple]:
    """Give every record of a computed job its id, its reply and its row for the ledger.

    The latency is the time up to here: the commit cannot be part of the row that it writes.
    """
    model, name = job.model, job.model.id.encode()
    now = time.time_ns() // 1000
    latency = (time.perf_counter_ns() - job.started) // 1000
    rows: list[InferenceTuple] = []
    for record, output in zip(job.records, job.outputs, strict=True):
        inference_id = new_inference_id()
        text = _encode(record)
        event_time, source_key = model.encoder.origin(record)
        rows.append(
            (
                inference_id, now, event_time, source_key, model.id, text.decode(), output.decode(),
                sha256(text).digest(), sha256(output).digest(), latency, 0,
            )
        )  # fmt: skip
        job.ids.append(inference_id)
        job.replies.append(
            b'{"inference_id":"%b","model":"%b",%b' % (inference_id.encode(), name, output[1:])
        )
    return rows
