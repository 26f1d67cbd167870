"""Moving SQLite's WAL into its file on a thread of its own, so that no commit waits for it.

By itself the connection that commits does it, every thousand pages, and that commit takes milliseconds longer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pysqlite3 as driver

log = logging.getLogger("pulse.ledger")

# Pages of the WAL between two checkpoints, some 4 MB. A commit in a WAL that is moved and begun anew writes over what
# is there; where its file grows, every sync takes half as long again.
EVERY_PAGES = 1_000
# What a commit writes: the last page of the table and of each index, and a page for so many rows.
_PAGES_A_COMMIT, _ROWS_A_PAGE = 4, 4
# Where this thread does not keep up, whoever commits helps: the WAL is about 16 MB then. What is left for it to do
# is little, since this thread has done the rest.
MOST_PAGES = 4_000
# The last pages are written while others commit more: so a few times in a row, each shorter than the one before.
_ROUNDS = 3


class Checkpoints:
    """Woken by ``appended``; the thread begins with the first rows, so that who only reads has none."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        # Somebody reads what is to be moved: the WAL grows, and a commit may have very much to move once that is over.
        self.is_behind = False
        self._pages = 0
        self._due = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def appended(self, rows: int, writer: Any) -> None:
        """Note rows that ``writer`` has committed at once."""
        if self._thread is None:
            self._begin(writer)
        self._pages += _PAGES_A_COMMIT + rows // _ROWS_A_PAGE
        if self._pages >= EVERY_PAGES:
            self._pages = 0
            self._due.set()

    def _begin(self, writer: Any) -> None:
        """Never raises: what was committed stays so."""
        thread = threading.Thread(target=self._run, name="pulse-checkpoints", daemon=True)
        try:
            thread.start()
            self._thread = thread
            writer.execute(f"pragma wal_autocheckpoint = {MOST_PAGES}")
        except (RuntimeError, driver.Error) as error:
            log.warning("The ledger's WAL is moved by whoever commits: %s", error)

    def close(self) -> None:
        """End the thread, in the middle of nothing."""
        self._closing = True
        self._due.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            connection = self._connect()
        except driver.Error as error:
            log.warning("The ledger's WAL is moved by whoever commits: %s", error)
            return
        try:
            while not self._closing:
                self._due.wait()
                self._due.clear()
                self._move(connection)
        finally:
            connection.close()

    def _move(self, connection: Any) -> None:
        for _ in range(_ROUNDS):
            if self._closing:
                return
            try:
                _, pages, moved = connection.execute("pragma wal_checkpoint(passive)").fetchone()
            except driver.Error as error:
                # A full disk, for one: commits fail by themselves then, and say so.
                log.debug("No checkpoint of the ledger: %s", error)
                return
            self.is_behind = pages - moved > EVERY_PAGES
            if pages == moved:
                return
