"""How fast the queue drains, measured: what an honest Retry-After stands on."""

from __future__ import annotations

import time
from collections.abc import Callable

# Older work counts half after so many busy seconds.
_MEMORY_SECONDS = 1.0
# What is usual follows each request by so much, and takes none for more than so many times as large as it is.
_GAIN, _MOST = 1 / 16, 8


class Drain:
    """Requests that wait, how many parts is usual, and parts answered in a busy second. Idle time does not count.

    A part is what one request may have in one call of the model. Large requests make room after each of theirs, so
    that whoever comes waits for as many parts of each of them as it has itself, and not for all that they have.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self.waiting = 0
        self._usual = 1.0
        self._since = 0.0
        self._busy = 0.0
        self._answered = 0.0

    def arrive(self, parts: int) -> None:
        """A request that waits from now on."""
        if not self.waiting:
            self._since = self._clock()
        self.waiting += 1
        self._usual += _GAIN * (min(parts, _MOST * self._usual) - self._usual)

    def advance(self, parts: int, now: float) -> None:
        """Parts that were answered, of requests that wait for more."""
        self._busy += now - self._since
        self._answered += parts
        self._since = now
        if self._busy > _MEMORY_SECONDS:
            self._busy /= 2
            self._answered /= 2

    def leave(self, requests: int, parts: int, now: float) -> None:
        """Requests that were answered with these last parts, or need no answer any more."""
        self.waiting -= requests
        self.advance(parts, now)

    def delay(self) -> float:
        """Seconds until one that came now would be answered, as far as is known."""
        return self.waiting * self._usual * self._busy / self._answered if self._answered else 0.0
