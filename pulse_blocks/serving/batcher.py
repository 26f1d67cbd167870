"""Micro-batching without timers: what arrives in one turn of the event loop goes to the worker together."""

from __future__ import annotations

import asyncio
import logging
import time

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.drain import Drain
from pulse_blocks.serving.failures import TooLateError, ledger_failed, overloaded
from pulse_blocks.serving.jobs import Job, Outcome
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.worker import CLOSE_SECONDS, Worker

log = logging.getLogger("pulse.serving")

# How often requests whose time is up, and models that hang, are looked for while something waits.
SWEEP_SECONDS = 0.02


class Engine:
    """Worker and journal of a process, and all that waits for them. Used on the event loop only."""

    def __init__(self, ledger: Ledger, loop: asyncio.AbstractEventLoop, metrics: Metrics) -> None:
        self._journal = Journal(ledger, metrics, self._settled)
        self.circuit = self._journal.circuit
        self.drain = Drain()
        self.metrics = metrics
        self._loop = loop
        self._arrived: list[Job] = []
        self._waiting: set[Job] = set()
        self._sweeping = False
        self._worker = self._new_worker()

    def put(self, job: Job) -> None:
        """Have a job answered: its future is done when its rows are durable."""
        if not self._arrived:
            self._loop.call_soon(self._hand_over)
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_SECONDS, self._sweep)
        self._arrived.append(job)
        self._waiting.add(job)
        self.drain.arrive(len(job.records))

    def future(self) -> asyncio.Future[None]:
        """A future of the event loop."""
        return self._loop.create_future()

    def close(self) -> None:
        """Answer what waits and stop the worker; not on the event loop, which it needs for that."""
        while not self._worker.close():
            # It hung, and the event loop is about to put another in its place.
            time.sleep(CLOSE_SECONDS)
        self._journal.close()

    def _new_worker(self) -> Worker:
        return Worker(self._journal, self.metrics, self._settled, lambda count: len(self._waiting) == count)

    def _hand_over(self) -> None:
        arrived, self._arrived = self._arrived, []
        self._worker.put(arrived)

    def _settled(self, outcomes: list[Outcome]) -> None:
        """On the threads of worker and journal."""
        self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _settle(self, outcomes: list[Outcome]) -> None:
        rows = 0
        for job, error in outcomes:
            self._waiting.discard(job)
            job.place.waiting -= 1
            rows += len(job.records)
            job.settle(error)
        self.drain.leave(rows, time.perf_counter())

    def _sweep(self) -> None:
        """Tell those whose time is up at once, wherever they wait; and replace a worker that hangs."""
        now = time.perf_counter_ns()
        if left := self._worker.abandon(now):
            model, jobs = left
            log.error("%s hangs, and is left alone.", model.id)
            self.metrics.model_failures[model.id] += 1
            model.circuit.trip("model.hangs")
            self._worker = self._new_worker()
            self._worker.put(jobs)
        for job in self._waiting:
            if now > job.deadline:
                job.settle(TooLateError())
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            self._loop.call_later(SWEEP_SECONDS, self._sweep)


class Batcher:
    """The bounded queue in front of one model name. ``fallback`` answers where the model fails."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.fallback: Model | None = None
        self.waiting = 0

    def admit(self, model: Model, deadline: int) -> None:
        """Raises NotNowError where a request had better not be read: full, too late, or no ledger."""
        circuit, drain = self.engine.circuit, self.engine.drain
        if wait := circuit.remaining():
            raise ledger_failed(wait)
        delay = drain.delay()
        if self.waiting >= model.queue or delay * 1e9 > deadline - time.perf_counter_ns():
            self.engine.metrics.shed += 1
            raise overloaded(self.waiting, delay)

    def submit(self, job: Job) -> asyncio.Future[None]:
        """Queue a job that was admitted; its future is done when its rows are durable."""
        job.future = self.engine.future()
        job.place = self
        self.waiting += 1
        self.engine.put(job)
        return job.future
