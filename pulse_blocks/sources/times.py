"""Times as text and as seconds, parsed by the column."""

from __future__ import annotations

import datetime as dt
from typing import Any

from pulse_blocks.records import Window

Array = Any  # pa.Array; pyarrow carries no types

_ZONE = r"[Zz]$|[0-9][+-][0-9]{2}(:?[0-9]{2})?$"
_CLOCK = ":"
# The years 1 to 9999, as Python and ISO 8601 know them: anything else is a misread unit.
_FIRST, _LAST = -62_135_596_800, 253_402_300_799


def from_text(array: Array) -> Array:
    """ISO 8601 dates and times (``T`` or a space, up to six digits of a second, ``Z``, an offset or none).

    Returns microseconds in UTC; a time without a zone is UTC. Raises pa.ArrowInvalid for anything else.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    utc = pa.timestamp("us", "UTC")
    try:
        return array.cast(pa.timestamp("us")).cast(utc)
    except pa.ArrowInvalid:  # which a zone is, to a time without one
        zoned = pc.and_(pc.match_substring_regex(array, _ZONE), pc.match_substring(array, _CLOCK))
        if not pc.any(zoned).as_py():
            raise
    nothing = pa.scalar(None, pa.string())
    aware = pc.if_else(zoned, array, nothing).cast(utc)
    naive = pc.if_else(zoned, nothing, array).cast(pa.timestamp("us")).cast(utc)
    return pc.coalesce(aware, naive)


def from_seconds(array: Array) -> Array:
    """Whole seconds since 1970 as microseconds in UTC. Raises pa.ArrowInvalid outside the years 1 to 9999."""
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds = array.cast(pa.int64())
    if pc.any(pc.or_(pc.less(seconds, _FIRST), pc.greater(seconds, _LAST))).as_py():
        raise pa.ArrowInvalid("no time in the years 1 to 9999")
    return seconds.cast(pa.timestamp("s", "UTC")).cast(pa.timestamp("us", "UTC"))


def binding(window: Window | None, sample: object) -> dict[str, str | int]:
    """The ends of the window in the form of ``sample``, a stored time, so that the query compares like with like.

    A date means its midnight: an end within a day is the day after it.
    """
    if window is None:
        return {}
    return {"start": _bound(_parse(window.start), sample), "end": _bound(_parse(window.end), sample)}


def as_times(window: Window) -> dict[str, dt.datetime]:
    """The ends of the window as aware times."""
    return {"start": _parse(window.start), "end": _parse(window.end)}


def _bound(time: dt.datetime, sample: object) -> str | int:
    up = time if time.microsecond == 0 else time.replace(microsecond=0) + dt.timedelta(seconds=1)
    if isinstance(sample, int | float):
        return int(up.timestamp())
    if isinstance(sample, str) and len(sample) == 10:
        midnight = up.replace(hour=0, minute=0, second=0)
        return (midnight if midnight == up else midnight + dt.timedelta(days=1)).strftime("%Y-%m-%d")
    separator = "T" if isinstance(sample, str) and sample[10:11] in ("T", "t") else " "
    return up.strftime(f"%Y-%m-%d{separator}%H:%M:%S")


def _parse(text: str) -> dt.datetime:
    """One end of a window as an aware time in UTC."""
    time = dt.datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
