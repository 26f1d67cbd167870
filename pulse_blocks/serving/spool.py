"""Rows that wait on this machine's disk while the ledger is out of reach, and the thread that brings them there.

A worker has one file of its own; those of workers that are gone are drained by whoever runs. Draining is in order
and may begin again at any place: rows have their ids already.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import Durability, InferenceTuple
from pulse_blocks.serving.spool_file import DAMAGED, ENDING, SpoolFile

log = logging.getLogger("pulse.serving")

# What one worker's file may hold; then requests are refused, as without a spool.
MOST_BYTES = 256_000_000
RETRY_SECONDS = 0.5
# Many to a transaction: it must be quicker than new ones come.
ROWS_AT_ONCE = 2_000


class Spool:
    """The file of this process. ``keep`` is for the threads of journal and worker."""

    def __init__(self, ledger: Ledger, folder: Path, durability: Durability, most: int = MOST_BYTES) -> None:
        self._ledger = ledger
        self._folder = folder
        self._durability = durability
        self._most = most
        self._file: SpoolFile | None = None
        self._lock = threading.Lock()
        self._failing = False
        self._told: set[str] = set()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.kept = self.damaged = 0
        if any(folder.glob(f"*{ENDING}")):
            self._start()

    @property
    def rows(self) -> int:
        """Rows that wait in this worker's file."""
        return self._file.rows if self._file else 0

    @property
    def is_needed(self) -> bool:
        """Whether rows wait: those after them have to wait behind them."""
        return self._file is not None

    def has_room(self) -> bool:
        """Whether one more group can be kept."""
        return self._file is None or self._file.size < self._most

    def keep(self, rows: Sequence[InferenceTuple]) -> bool:
        """Keep rows as durably as the ledger would; False where the disk does not take them, or too many wait."""
        with self._lock:
            if not self.has_room():
                return False
            try:
                if self._file is None:
                    self._file = SpoolFile.create(self._folder, self._durability)
                    log.warning("The ledger takes no rows: they wait in %s.", self._file.path)
                self._file.append(rows, self._durability)
            except OSError as error:
                if not self._failing:
                    log.error("Rows cannot be kept in %s either: %s", self._folder, error.strerror)  # noqa: TRY400
                self._failing = True
                return False
            self._failing = False
            self.kept += len(rows)
            self._start()
        return True

    def close(self) -> None:
        """Try to bring over what waits, once, and let go of the file; the rest is for whoever starts next."""
        self._closing.set()
        if self._thread:
            self._thread.join()
        if self._file:
            self._drain_own()
        if self._file:
            self._file.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pulse-spool", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                self._adopt()
                self._drain_own()
            except Exception as error:  # noqa: BLE001 - this thread must outlive whatever one file does
                self._tell(_cause(error))
            if self._closing.wait(RETRY_SECONDS):
                return

    def _adopt(self) -> None:
        """Bring over the rows of workers that are gone."""
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            if self._file and path == self._file.path:
                continue
            try:
                found = SpoolFile.adopt(path)
                if found is None:
                    continue
                self._bring(found)
            except Exception as error:  # noqa: BLE001 - the next file may be sound
                self._tell(f"{path} cannot be read: {_cause(error)}")

    def _bring(self, found: SpoolFile) -> None:
        rows, done = found.rows, False
        try:
            done = self._drain(found)
        finally:
            (found.remove if done else found.close)()
        if not done:
            return
        log.warning("%d rows of a worker that is gone are in the ledger now.", rows)
        if found.is_damaged:
            self.damaged += 1
            log.error("Other rows in %s cannot be read. It is kept, with the ending %s.", found.path, DAMAGED)

    def _drain_own(self) -> None:
        file = self._file
        if file is None or not self._drain(file):
            return
        with self._lock:
            # What came meanwhile is little, and nothing comes any more.
            if self._drain(file):
                file.remove()
                self._file = None
                log.warning("All rows that waited are in the ledger now.")

    def _drain(self, file: SpoolFile) -> bool:
        """Whether all of a file is in the ledger now."""
        while True:
            rows, groups = file.first(ROWS_AT_ONCE)
            if not rows:
                return True
            try:
                self._ledger.append_missing(rows)
            except PulseError as error:
                self._tell(str(error))
                return False
            self._told.clear()
            file.drop(groups)

    def _tell(self, reason: str) -> None:
        """Why rows go on waiting: each reason once, not twice a second."""
        if reason not in self._told:
            log.error("Rows go on waiting: %s", reason)
        self._told.add(reason)


def _cause(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
