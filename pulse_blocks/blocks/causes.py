"""Whether a run that an event has asked for may be made. An event is a hint: only the ledger knows its cause."""

from __future__ import annotations

import datetime as dt
import time

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.attempts import SILENCE_SECONDS
from pulse_blocks.ledger.causes import Cause
from pulse_blocks.ledger.drift_checks import DriftCheck
from pulse_blocks.protocol.spec import Protocol, seconds
from pulse_blocks.protocol.window import resolve
from pulse_blocks.times import iso

_LOOK_AGAIN_SECONDS = 2.0
# The drift check keeps the cooldown to the second, by its own times. The seconds that an event was under way must
# not make the next one, just after the cooldown, look too early.
_OF_THE_COOLDOWN = 0.9


class NothingToDoError(PulseError):
    """A cause that is real and asks for nothing: it is used, or too soon after another one."""


def look_up(ledger: Ledger, protocol: Protocol, cause: str, *, again: bool) -> DriftCheck:
    """The drift check that asks for a retrain of ``protocol``; nothing is written.

    ``again`` is a run that crashed and was started anew: then the attempt that used the cause may still look
    alive from another machine, and is waited for. Raises PulseError ``event.unknown_cause`` for a cause that
    the ledger does not know or that is another model's, NothingToDoError for one that asks for nothing now.
    """
    check = ledger.drift_check(cause)
    if check is None or check.name != protocol.name:
        raise unknown(cause, protocol.name)
    if check.verdict != "drifted":
        raise NothingToDoError("event.no_drift", f"{cause} says {check.verdict}: nothing follows from it.")
    if protocol.monitoring.on_drift != "retrain":
        wanted = protocol.monitoring.on_drift
        raise NothingToDoError("event.not_asked", f"{protocol.name} says on_drift: {wanted}, not retrain.")
    used = ledger.cause(cause)
    if used is not None and not _may_go_on(ledger, used, again=again):
        raise in_the_way(cause, used)
    last = ledger.last_cause(protocol.name, "retrain")
    if used is None and last is not None and time.time() - last.at / 1e6 < _cooldown(protocol):
        raise in_the_way(cause, last)
    return check


def use(ledger: Ledger, protocol: Protocol, cause: str, attempt: str) -> None:
    """Let ``attempt`` be what ``cause`` has started. Raises NothingToDoError where another one was first."""
    standing = ledger.use_cause(cause, "retrain", protocol.name, attempt, _cooldown(protocol))
    if standing is not None:
        refusal = in_the_way(cause, standing)
        ledger.end(attempt, "failed", str(refusal))
        raise refusal


def until(check: DriftCheck, protocol: Protocol, now: dt.datetime) -> str | None:
    """The end of the data of a retrain: that of the window that drifted, so that what is new is trained on.

    Never before the protocol's own end. None where the protocol has no window, or the check none.
    """
    if check.window_end is None or protocol.source.window is None:
        return None
    # Times of a window are cut to the second: the last row must not be cut off.
    drifted = dt.datetime.fromtimestamp(-(-check.window_end // 1_000_000), dt.UTC)
    if protocol.source.window.last is not None:
        return iso(drifted)
    own = resolve(protocol, None, None, now)
    return max(iso(drifted), own.end) if own else None


def unknown(cause: str, name: str) -> PulseError:
    """Nothing in the ledger stands behind an event."""
    return PulseError(
        "event.unknown_cause",
        f"The ledger knows no {cause} of {name}: nothing was started.",
        "Somebody may have sent a forged event, or this is not the workspace in which the check was made.",
    )


def in_the_way(cause: str, standing: Cause) -> NothingToDoError:
    """The cause is used, or another one was a moment ago."""
    at = iso(dt.datetime.fromtimestamp(standing.at / 1e6, dt.UTC))
    if standing.id == cause:
        return NothingToDoError("event.used_cause", f"{cause} was used by {standing.used_by} at {at}.")
    return NothingToDoError(
        "event.cooldown", f"{cause} comes within the cooldown: {standing.id} was used at {at}."
    )


def _cooldown(protocol: Protocol) -> float:
    return seconds(protocol.monitoring.cooldown) * _OF_THE_COOLDOWN


def _may_go_on(ledger: Ledger, used: Cause, *, again: bool) -> bool:
    """Whether the attempt that used the cause was interrupted, so that this run takes it up."""
    deadline = time.monotonic() + (SILENCE_SECONDS + 15 if again else 0)
    while True:
        attempt = ledger.attempt(used.used_by)
        if attempt is None or attempt.state in ("completed", "failed"):
            return False
        if attempt.state == "interrupted":
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
