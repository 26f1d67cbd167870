"""Micro-batching without timers: what arrives in one turn of the event loop goes to the worker together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.computing import Computing
from pulse_blocks.serving.drain import Drain
from pulse_blocks.serving.failures import TooLateError, ledger_failed, overloaded
from pulse_blocks.serving.jobs import Job, Outcome, Pending, code_of
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import QUICK_NS, Model
from pulse_blocks.serving.spool import Spool
from pulse_blocks.serving.worker import CLOSE_SECONDS, Worker

log = logging.getLogger("pulse.serving")

# How often requests whose time is up, and models that hang, are looked for while something waits.
SWEEP_SECONDS = 0.02
# A few requests may be very many records, some 2 kB of memory each: beside the largest of them no other waits.
MOST_ROWS_WAITING = 200_000
# Of a request that is computed on the event loop.
MOST_ROWS_HERE = 16


class Engine:
    """Worker and journal of a process, and all that waits for them. Used on the event loop only.

    ``answered`` is told of every request whose rows are durable.
    """

    def __init__(
        self,
        ledger: Ledger,
        loop: asyncio.AbstractEventLoop,
        metrics: Metrics,
        spool: Spool | None = None,
    ) -> None:
        self._journal = Journal(ledger, metrics, self._settled, spool)
        self.spool = spool
        self.refuses = self._journal.refuses
        self.circuit = self._journal.circuit
        self.drain = Drain()
        # Rows of all requests that wait: memory goes by them.
        self.rows = 0
        self.metrics = metrics
        self._loop = loop
        self._arrived: list[Job] = []
        self._due = False
        # Each with the parts that it had left when it was last looked at.
        self._waiting: dict[Job, int] = {}
        self._sweeping = False
        self.answered: Callable[[Job], None] | None = None
        self._here = Computing(metrics, self._journal.refuses, lambda job: self._to_worker([job]))
        self._worker = self._new_worker()
        # Jobs that a thread has: the worker's, or the journal's.
        self._elsewhere: set[Job] = set()

    def put(self, job: Job) -> None:
        """Have a job answered: its future is done when its rows are durable."""
        self._soon()
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_SECONDS, self._sweep)
        self._arrived.append(job)
        parts = self._waiting[job] = _parts_left(job)
        self.rows += len(job.records)
        self.drain.arrive(parts)

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

    def _soon(self) -> None:
        if not self._due:
            self._due = True
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Answer what arrived in this turn, here where that is quick and the threads have nothing to do."""
        self._due = False
        here = self._here
        here.pending.extend(self._arrived)
        self._arrived.clear()
        began = time.perf_counter_ns()
        while here.pending:
            if self._elsewhere or not _are_quick(here.pending):
                # Whatever computes, computes alone; and while others wait for the ledger, more gather for one call.
                left = [*here.pending]
                here.pending.clear()
                self._to_threads(left)
            elif time.perf_counter_ns() - began > QUICK_NS:
                self._soon()
                return
            else:
                here.step()
                self._write(here.whole, here.outcomes)

    def _write(self, whole: list[Job], outcomes: list[Outcome]) -> None:
        """Have the rows of whole jobs written, here where that takes no waiting, and settle what has ended."""
        if whole:
            if self._journal.write_at_once(whole):
                now = time.perf_counter_ns()
                outcomes += [(job, TooLateError() if now > job.deadline else None) for job in whole]
            else:
                self._to_journal(whole)
        if outcomes:
            self._settle(outcomes)

    def _to_threads(self, jobs: list[Job]) -> None:
        known: list[Job] = []
        others: list[Job] = []
        for job in jobs:
            (known if _is_known(job) else others).append(job)
        if known:
            # There is nothing to compute: the worker would only be one more thread to wake.
            self.metrics.known += len(known)
            self._to_journal(known)
        if others:
            self._to_worker(others)

    def _to_worker(self, jobs: list[Job]) -> None:
        self._elsewhere.update(jobs)
        self._worker.put(jobs)

    def _to_journal(self, jobs: list[Job]) -> None:
        self._elsewhere.update(jobs)
        self._journal.put(jobs)

    def _settled(self, outcomes: list[Outcome]) -> None:
        """On the threads of worker and journal."""
        self._loop.call_soon_threadsafe(self._settle, outcomes)

    def _settle(self, outcomes: list[Outcome]) -> None:
        parts = 0
        if self._elsewhere:
            self._elsewhere.difference_update([job for job, _ in outcomes])
        for job, error in outcomes:
            parts += self._waiting.pop(job, 0)
            self.rows -= len(job.records)
            job.place.waiting -= 1
            _tell(job, error)
            if error is None and self.answered:
                self.answered(job)
        self.drain.leave(len(outcomes), parts, time.perf_counter())

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
        for job, parts in self._waiting.items():
            if now > job.deadline:
                _tell(job, TooLateError())
            elif parts > 1 and (fewer := _parts_left(job)) < parts:
                self._waiting[job] = fewer
                self.drain.advance(parts - fewer, now / 1e9)
        self._sweeping = bool(self._waiting)
        if self._sweeping:
            self._loop.call_later(SWEEP_SECONDS, self._sweep)


def _tell(job: Job, error: Exception | None) -> None:
    """Settle a job. One answer that cannot be sent is no other one's fault."""
    try:
        job.settle(error)
    except Exception as failure:  # noqa: BLE001 - see above
        log.error("An answer could not be sent: %s", code_of(failure))  # noqa: TRY400 - a trace may show inputs


def _are_quick(jobs: Iterable[Job]) -> bool:
    """Whether the event loop may compute them: others wait no longer than for a large body to be read."""
    model = None
    for job in jobs:
        if len(job.records) > MOST_ROWS_HERE:
            return False
        if job.model is not model:
            model = job.model
            if not model.is_quick():
                return False
    return True


def _parts_left(job: Job) -> int:
    """How often it comes to its turn until it is answered; at least once, since its rows have to be written."""
    if len(job.records) == 1:
        return 1
    return max(1, -(-(len(job.records) - len(job.rows)) // job.model.max_rows))


def _is_known(job: Job) -> bool:
    try:
        return job.is_known()
    except Exception:  # noqa: BLE001 - the worker finds the same, and tells that job alone
        return False


class Batcher:
    """The bounded queue in front of one model name. ``fallback`` answers where the model fails."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.fallback: Model | None = None
        self.waiting = 0

    def admit(self, model: Model, deadline: int) -> None:
        """Raises NotNowError where a request had better not be read: full, soon too late, or no ledger.

        Raises TooLateError where its time is up already: then it is not the queue that was too long.
        """
        if wait := self.engine.refuses(model):
            raise ledger_failed(wait)
        if time.perf_counter_ns() > deadline:
            raise TooLateError
        if not self.has_room(model, deadline):
            self.engine.metrics.shed += 1
            raise overloaded(self.waiting, self.engine.drain.delay())

    def has_room(self, model: Model, deadline: int) -> bool:
        """Whether one more request can be answered in its time, as far as is known."""
        if self.waiting >= model.queue or self.engine.refuses(model):
            return False
        if self.engine.rows >= MOST_ROWS_WAITING:
            return False
        return self.engine.drain.delay() * 1e9 <= deadline - time.perf_counter_ns()

    def submit(self, job: Job) -> asyncio.Future[None]:
        """Queue a job that was admitted; its future is done when its rows are durable."""
        future = self.engine.future()
        self.queue(job, future)
        return future

    def queue(self, job: Job, future: Pending) -> None:
        """The same, with whatever is to be told of the end."""
        job.future = future
        job.place = self
        self.waiting += 1
        self.engine.put(job)
