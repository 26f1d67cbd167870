"""How fast the queue drains, measured: what an honest Retry-After stands on."""

from __future__ import annotations

import time
from collections.abc import Callable

# Older work counts half after so many busy seconds.
_MEMORY_SECONDS = 1.0


class Drain:
    """Rows that wait, and rows answered in a busy second. Idle time does not count."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.rows = 0
        self._since = 0.0
        self._busy = 0.0
        self._answered = 0.0

    def arrive(self, rows: int) -> None:
        """Rows that wait from now on."""
        if not self.rows:
            self._since = self._clock()
        self.rows += rows

    def leave(self, rows: int, now: float) -> None:
        """Rows that were answered, or need no answer any more."""
        self.rows -= rows
        self._busy += now - self._since
        self._answered += rows
        self._since = now
        if self._busy > _MEMORY_SECONDS:
            self._busy /= 2
            self._answered /= 2

    def delay(self) -> float:
        """Seconds until what waits now is answered, as far as is known."""
        return self.rows * self._busy / self._answered if self._answered else 0.0
