"""Why a request gets no prediction. What each means to a client of some protocol is said where that is spoken."""

from __future__ import annotations

from pulse_blocks.errors import PulseError, UnavailableError


class ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


class NotNowError(UnavailableError):
    """Overloaded, or a circuit is open: try again after ``retry_after`` seconds."""

    def __init__(self, code: str, message: str, retry_after: float, hint: str = "Try again later.") -> None:
        super().__init__(code, message, hint)
        self.args = (code, message, retry_after, hint)
        self.retry_after = retry_after


class TooLateError(PulseError):
    """The time that a request had is up."""

    def __init__(self) -> None:
        super().__init__(
            "serving.deadline",
            "The time for this request was up before it was answered.",
            "Give it more with the header X-Request-Timeout (seconds), up to serving.deadline in the protocol.",
        )
        self.args = ()


def overloaded(waiting: int, retry_after: float) -> NotNowError:
    """The queue is full, or too long for the time that a request has."""
    return NotNowError("serving.overloaded", f"{waiting} requests are waiting already.", retry_after)


def model_failed(code: str, message: str, retry_after: float) -> NotNowError:
    """The model raised or gave what the protocol does not allow, and no other model may answer."""
    return NotNowError(code, message, retry_after)


def ledger_failed(retry_after: float) -> NotNowError:
    """The ledger takes no rows. Its own message names files and hosts, so it goes to the log only."""
    return NotNowError(
        "ledger.unavailable", "The ledger cannot be written, and no reply leaves without it.", retry_after
    )
