"""Taking turns at writing a file. SQLite lets whoever has just written write again, and others wait for seconds.

Two locks make a queue: whoever holds ``next`` is the next to hold ``turn``, and the one that gives ``turn`` back
must get in line again. The kernel lets go of both when a process dies.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulse_blocks.errors import UnavailableError

# Who is next looks often, since the file lies idle until it does; the others have the length of a commit.
_PAUSE_SECONDS, _NEXT_PAUSE_SECONDS = 0.0003, 0.00002


class Turns:
    """The queue of the writers of one file, for one thread at a time."""

    def __init__(self, path: Path, patience: float) -> None:
        """``patience`` is how many seconds somebody waits. Makes two empty files beside ``path`` when needed."""
        self._path = path
        self._patience = patience
        self._locks: tuple[int, int] | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold the turn until the block ends. Raises UnavailableError where another process keeps it."""
        following, turn = self._opened()
        deadline = time.monotonic() + self._patience
        self._lock(following, deadline, _PAUSE_SECONDS)
        try:
            self._lock(turn, deadline, _NEXT_PAUSE_SECONDS)
        finally:
            fcntl.flock(following, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)

    def take_at_once(self) -> bool:
        """Hold the turn until ``give_back``; False where somebody has it, or is in line for it."""
        following, turn = self._opened()
        if not _locked(following):
            return False
        try:
            return _locked(turn)
        finally:
            fcntl.flock(following, fcntl.LOCK_UN)

    def give_back(self) -> None:
        """Let the next one have the turn."""
        fcntl.flock(self._opened()[1], fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the files."""
        for lock in self._locks or ():
            os.close(lock)
        self._locks = None

    def _opened(self) -> tuple[int, int]:
        if self._locks is None:
            following = _open(f"{self._path}-next")
            try:
                self._locks = following, _open(f"{self._path}-turn")
            except UnavailableError:
                os.close(following)
                raise
        return self._locks

    def _lock(self, lock: int, deadline: float, pause: float) -> None:
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise UnavailableError(
                    "ledger.unavailable",
                    f"Another process has been writing the ledger {self._path} for {self._patience:.0f} s.",
                    "See what holds it, and try again.",
                )
            time.sleep(pause)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UnavailableError(
            "ledger.unavailable",
            f"The ledger cannot be written: {path} cannot be opened: {error.strerror}.",
            "Check that this user may write to that folder.",
        ) from error
