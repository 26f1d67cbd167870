"""Which interval of event time a run reads."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol, seconds
from pulse_blocks.records import Window
from pulse_blocks.times import iso


def parse_time(text: str) -> dt.datetime:
    """An ISO date or time as UTC, cut to the second. Raises ValueError for anything else."""
    time = dt.datetime.fromisoformat(text.strip())
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    try:
        return aware.astimezone(dt.UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError(f"{text} is outside of the calendar") from None


def resolve(protocol: Protocol, start: str | None, end: str | None, now: dt.datetime) -> Window | None:
    """The window of a run: ``start`` and ``end`` where given, else what the protocol says.

    One of the two alone replaces that end of a fixed window. A ``last`` window reaches back from ``end``, which is
    ``now`` where not given; times are cut to the second. None where the protocol has no window. Raises
    PulseError for a time that is none, an empty interval, or a window asked of a query that takes none.
    """
    spec = protocol.source.window
    if spec is None:
        if start is None and end is None:
            return None
        raise PulseError(
            "protocol.no_window",
            f"The query of {protocol.name} takes no window.",
            "Give source.window in the protocol, and use :start and :end in its query.",
        )
    if spec.last is not None:
        until = _time("end", end) if end is not None else _utc(now)
        since = _time("start", start) if start is not None else _back(until, spec.last)
    else:
        since = _time("start", start if start is not None else str(spec.start))
        until = _time("end", end if end is not None else str(spec.end))
    if since >= until:
        raise PulseError(
            "protocol.window_empty",
            f"The window from {iso(since)} to {iso(until)} is empty.",
            "The start must be before the end; the end is not included.",
        )
    return Window(start=iso(since), end=iso(until))


def _utc(now: dt.datetime) -> dt.datetime:
    aware = now if now.tzinfo else now.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC).replace(microsecond=0)


def _back(until: dt.datetime, duration: str) -> dt.datetime:
    try:
        return until - dt.timedelta(seconds=seconds(duration))
    except OverflowError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def _time(name: str, text: str) -> dt.datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise PulseError(
            "protocol.bad_time",
            f"The {name} of the window, {text[:40]!r}, is not an ISO date or time.",
            "Write it like 2013-01-01 or 2013-01-01T06:00:00Z.",
        ) from None
