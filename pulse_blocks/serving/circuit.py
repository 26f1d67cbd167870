"""Circuit breakers: what fails again and again is left alone for a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import ModuleType

# pybreaker imports these where they are installed, for storages and coroutines that nobody uses here: with
# Prefect's redis beside it that would cost the runtime's start 0.6 s.
_OPTIONAL = ("redis", "tornado")

CLOSED, HALF_OPEN, OPEN = "closed", "half-open", "open"

# Called when a circuit has opened, with the reason, on whatever thread recorded the failure.
Opened = Callable[[str], None]


class Circuit:
    """Opens after ``failures`` in a row; after ``reset`` seconds one attempt decides whether it closes.

    Callers ask ``allows()``, try, and record how it went, so that no lock is held while they try: what hangs
    can be recorded by somebody else.
    """

    def __init__(self, failures: int, reset: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.reset = reset
        self.openings = 0
        self.opened: Opened | None = None
        self._clock = clock
        self._since = 0.0
        # Asked for every request: the library's own answer goes through several calls.
        self._state = CLOSED
        self._breaker = _pybreaker().CircuitBreaker(
            fail_max=failures, reset_timeout=reset, throw_new_error_on_trip=False
        )

    @property
    def state(self) -> str:
        """``closed``, ``half-open`` (the next attempt decides) or ``open``."""
        return HALF_OPEN if self._state == OPEN and not self.remaining() else self._state

    def allows(self) -> bool:
        """Whether an attempt may be made now."""
        if self._state != OPEN:
            return True
        if self.remaining():
            return False
        # The library asks the clock of the wall, which may be set back; so it is told.
        self._breaker.half_open()
        self._state = HALF_OPEN
        return True

    def remaining(self) -> float:
        """Seconds until the next attempt may be made; 0 where it may be made now."""
        if self._state != OPEN:
            return 0.0
        return max(0.0, self._since + self.reset - self._clock())

    def succeeded(self) -> None:
        """Record an attempt that went well. One that was begun before the circuit opened changes nothing."""
        state = self._state
        if state != OPEN and (self._breaker.fail_counter or state != CLOSED):
            self._breaker.call(_succeed)
            self._state = self._breaker.current_state

    def failed(self, reason: str) -> None:
        """Record an attempt that failed. ``reason`` is told where the circuit opens by it."""
        before = self._state
        if before == OPEN:
            return
        try:
            self._breaker.call(_fail)
        except _FailedError:
            self._state = self._breaker.current_state
            self._tell(before, reason)

    def trip(self, reason: str) -> None:
        """Open at once: one failure of this kind is enough."""
        before = self._state
        self._breaker.open()
        self._state = OPEN
        self._tell(before, reason)

    def _tell(self, before: str, reason: str) -> None:
        """A trial that fails opens the circuit again: that is the same trouble, and is told once."""
        if self._state != OPEN:
            return
        self._since = self._clock()
        if before == CLOSED:
            self.openings += 1
            if self.opened:
                self.opened(reason)


class _FailedError(Exception):
    """What pybreaker is shown to learn of a failure."""


def _succeed() -> None:
    """What pybreaker calls to learn of a success."""


def _fail() -> None:
    raise _FailedError


def _pybreaker() -> ModuleType:
    """The library, without what it would import on top."""
    if "pybreaker" in sys.modules:
        return sys.modules["pybreaker"]
    masked = [name for name in _OPTIONAL if name not in sys.modules]
    for name in masked:
        # This is how the import system is told that there is none.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import pybreaker
    finally:
        for name in masked:
            del sys.modules[name]
    return pybreaker
