"""Group commit: what waits is written by one thread in one transaction, and acknowledged once it is durable."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.serving.metrics import Metrics

log = logging.getLogger("pulse.serving")

# Called on the event loop: None once the rows are durable, the error where they are not there.
Acknowledge = Callable[[PulseError | None], None]
Entry = tuple[Sequence[InferenceTuple], Acknowledge]


class Journal:
    """A thread that appends to the ledger, so that the event loop never waits for a disk."""

    def __init__(self, ledger: Ledger, loop: asyncio.AbstractEventLoop, metrics: Metrics) -> None:
        self._ledger = ledger
        self._loop = loop
        self._metrics = metrics
        self._waiting: deque[Entry] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="pulse-journal", daemon=True)
        self._thread.start()

    def write(self, rows: Sequence[InferenceTuple], acknowledge: Acknowledge) -> None:
        """Have rows written; they are in the ledger before ``acknowledge`` is called with None."""
        with self._changed:
            self._waiting.append((rows, acknowledge))
            self._changed.notify()

    def close(self) -> None:
        """Write what waits and stop the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while entries := self._take():
            error = self._commit(entries)
            self._loop.call_soon_threadsafe(_acknowledge, entries, error)

    def _take(self) -> list[Entry]:
        """Everything that waits; empty only when the journal is closed and written out."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            entries = list(self._waiting)
            self._waiting.clear()
            return entries

    def _commit(self, entries: list[Entry]) -> PulseError | None:
        rows = [row for group, _ in entries for row in group]
        try:
            self._ledger.append(rows)
        except Exception as error:  # noqa: BLE001 - this thread must outlive whatever happens to one group
            return self._failed(error)
        self._metrics.commits += 1
        if self._failing:
            log.warning("The ledger takes rows again.")
        self._failing = False
        return None

    def _failed(self, error: Exception) -> PulseError:
        self._metrics.commit_failures += 1
        reason = str(error) if isinstance(error, PulseError) else type(error).__name__
        if not self._failing:
            log.error("No request is answered until the ledger takes rows again: %s", reason)
        self._failing = True
        return UnavailableError("ledger.unavailable", reason)


def _acknowledge(entries: list[Entry], error: PulseError | None) -> None:
    for _, acknowledge in entries:
        acknowledge(error)
