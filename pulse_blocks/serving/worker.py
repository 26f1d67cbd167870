"""The thread that computes what would keep the event loop busy: large requests, and models that are not quick.

Micro-batches need no timer: while one is computed, what arrives gathers for the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from pulse_blocks.serving.computing import AbandonedError, Computing
from pulse_blocks.serving.jobs import Job, Outcome
from pulse_blocks.serving.journal import Journal
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

# How often a thread that is to end is asked whether it hangs.
CLOSE_SECONDS = 0.05


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
        self._settle = settle
        self._is_all = is_all
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._computing = Computing(metrics, journal.refuses)
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
        found = self._computing.abandon(now)
        if found is None:
            return None
        self._abandoned = True
        model, left, outcomes = found
        while not self._inbox.empty():
            left += self._inbox.get() or []
        ended = {job for job, _ in outcomes}
        self._settle(outcomes)
        return model, [job for job in dict.fromkeys(left) if job not in ended]

    def _run(self) -> None:
        while self._gather():
            try:
                self._step()
            except AbandonedError:
                return

    def _gather(self) -> bool:
        """Wait for jobs; False only where the worker is closed and has answered everything."""
        pending = self._computing.pending
        while not self._inbox.empty() or not (pending or self._closing):
            jobs = self._inbox.get()
            if jobs is None:
                self._closing = True
            else:
                pending.extend(jobs)
        return bool(pending)

    def _step(self) -> None:
        """One batch."""
        self._computing.step()
        whole, outcomes = self._computing.whole, self._computing.outcomes
        if whole:
            if self._is_all(len(whole) + len(outcomes)):
                # Nobody else waits: a change of threads would only cost this request its time.
                outcomes += self._journal.write(whole)
            else:
                self._journal.put(whole)
        if outcomes:
            self._settle(outcomes)
