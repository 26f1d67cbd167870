"""Group commit: what waits is written by one thread in one transaction, and acknowledged once it is durable.

While it waits for the disk, what is computed meanwhile gathers for the next transaction.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from queue import SimpleQueue

from pulse_blocks.errors import PulseError, SilentError, UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.circuit import CLOSED, Circuit
from pulse_blocks.serving.failures import ledger_failed
from pulse_blocks.serving.jobs import Job, Outcome, code_of
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.spool import Spool

log = logging.getLogger("pulse.serving")

# The ledger of a process is one, whatever its protocols say about their models' circuits.
FAILURES, RESET_SECONDS = 3, 1.0
# A disk on which a commit took longer than this is not waited for on the event loop for a while.
SLOW_SECONDS, PATIENT_SECONDS = 0.02, 1.0


class Journal:
    """Whole jobs in, outcomes out: without an error once all rows of a job are in the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        metrics: Metrics,
        settle: Callable[[list[Outcome]], None],
        spool: Spool | None = None,
    ) -> None:
        """``spool`` keeps rows of models whose protocols want that while the ledger is out of reach."""
        self.spool = spool
        self.circuit = Circuit(FAILURES, RESET_SECONDS)
        self._ledger = ledger
        self._metrics = metrics
        self._settle = settle
        self._inbox: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._closing = self._failing = False
        self._patient_until = 0.0
        self._thread = threading.Thread(target=self._run, name="pulse-journal", daemon=True)
        self._thread.start()

    def put(self, jobs: list[Job]) -> None:
        """Have jobs written; each comes back through ``settle`` exactly once."""
        self._inbox.put(jobs)

    def close(self) -> None:
        """Write what waits and end the thread."""
        self._inbox.put(None)
        self._thread.join()
        if self.spool:
            self.spool.close()

    def refuses(self, model: Model) -> float:
        """Seconds for which rows of a model will not be taken; 0 where they may be."""
        if self.spool and model.spools and self.spool.has_room():
            return 0.0
        return self.circuit.remaining()

    def write_at_once(self, jobs: list[Job]) -> bool:
        """Write jobs on the event loop where that takes no waiting; False where they are still to be written.

        Only while nothing else is on its way to the ledger. What fails is told by the thread, which meets it again.
        """
        if time.monotonic() < self._patient_until or self.circuit.state != CLOSED:
            return False
        if self.spool and self.spool.is_needed:
            return False
        try:
            with self._watched():
                written = self._ledger.append_at_once([row for job in jobs for row in job.rows])
        except Exception:  # noqa: BLE001 - see above
            self._patient_until = time.monotonic() + PATIENT_SECONDS
            return False
        if written:
            self._succeeded()
        return written

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Note where a commit takes long."""
        started = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            if ended - started > SLOW_SECONDS:
                self._patient_until = ended + PATIENT_SECONDS

    def _run(self) -> None:
        while jobs := self._gather():
            self._settle(self.write(jobs))

    def _gather(self) -> list[Job]:
        """Everything that waits; empty only where the journal is closed and written out."""
        jobs: list[Job] = []
        while not self._inbox.empty() or not (jobs or self._closing):
            found = self._inbox.get()
            if found is None:
                self._closing = True
            else:
                jobs += found
        return jobs

    def write(self, jobs: list[Job]) -> list[Outcome]:
        """Write jobs on this thread; the worker does it where nothing waits here."""
        if not (self.spool and self.spool.is_needed):
            return self._written(jobs)
        # What came before waits: so does this, or it would be there first.
        behind = [job for job in jobs if job.model.spools]
        others = [job for job in jobs if not job.model.spools]
        outcomes = self._without_ledger(behind) if behind else []
        return outcomes + (self._written(others) if others else [])

    def _written(self, jobs: list[Job]) -> list[Outcome]:
        if not self.circuit.allows():
            return self._without_ledger(jobs)
        try:
            with self._watched():
                self._ledger.append([row for job in jobs for row in job.rows])
        except UnavailableError as error:
            return self._failed(jobs, error)
        except PulseError as error:
            # The ledger works and refuses a row: only the job that it belongs to fails.
            self._metrics.commit_failures += 1
            if len(jobs) == 1:
                return [(jobs[0], error)]
            return [outcome for job in jobs for outcome in self._written([job])]
        except Exception as error:  # noqa: BLE001 - this thread must outlive whatever happens to one group
            return self._failed(jobs, error)
        self._succeeded()
        return [(job, None) for job in jobs]

    def _succeeded(self) -> None:
        self.circuit.succeeded()
        self._metrics.commits += 1
        if self._failing:
            log.warning("The ledger takes rows again.")
            self._failing = False

    def _failed(self, jobs: list[Job], error: Exception) -> list[Outcome]:
        if isinstance(error, SilentError):
            # Every further attempt would cost as much time.
            self.circuit.trip(code_of(error))
        else:
            self.circuit.failed(code_of(error))
        self._metrics.commit_failures += 1
        if not self._failing:
            reason = str(error) if isinstance(error, PulseError) else code_of(error)
            log.error("The ledger takes no rows: %s", reason)
        self._failing = True
        return self._without_ledger(jobs)

    def _without_ledger(self, jobs: list[Job]) -> list[Outcome]:
        """Jobs whose protocols want it are kept in the spool, the others fail."""
        failure = ledger_failed(max(1.0, self.circuit.remaining()))
        rows = [row for job in jobs if job.model.spools for row in job.rows]
        kept = bool(self.spool and rows and self.spool.keep(rows))
        return [(job, None if kept and job.model.spools else failure) for job in jobs]
