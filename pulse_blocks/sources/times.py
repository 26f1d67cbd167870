"""Times as text and as seconds, parsed by the column."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from pulse_blocks.records import Window

Array = Any  # pa.Array; pyarrow carries no types

_ZONE = r"[Zz]$|[0-9][+-][0-9]{2}(:?[0-9]{2})?$"
_CLOCK = ":"
_FORM = re.compile(
    r"\d{4}-\d\d-\d\d((?P<separator>[Tt ])\d\d:\d\d(?P<seconds>:\d\d(\.\d{1,6})?)?"
    r"(?P<zone>[Zz]|[+-]\d\d(:?\d\d)?)?)?\Z",
    re.ASCII,
)
_SECOND = dt.timedelta(seconds=1)
_DAY = 86_400_000_000  # microseconds
_FIRST, _END = -719_162, 2_932_897  # days since 1970: the years 1 to 9999


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


def in_calendar(array: Array) -> Array:
    """Microseconds in UTC, or days, as they are. Raises pa.ArrowInvalid outside the years 1 to 9999.

    Those are the years that Python and ISO 8601 know; anything else is a misread unit or no time at all, such as the
    infinity of PostgreSQL.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    days = pa.types.is_date(array.type)
    ends = pc.min_max(array.cast(pa.int32() if days else pa.int64())).as_py()
    unit = 1 if days else _DAY
    if ends["min"] is not None and not _FIRST * unit <= ends["min"] <= ends["max"] < _END * unit:
        raise pa.ArrowInvalid("no time in the years 1 to 9999")
    return array


def binding(window: Window | None, sample: object) -> dict[str, str | int]:
    """The ends of the window in the form of ``sample``, a stored time, so that the query compares like with like.

    A date means its midnight: an end within a day is the day after it. Of a time with an offset the ends have the
    clock, and no zone, as it needs none to compare times of one offset (``offset_in``).
    """
    if window is None:
        return {}
    return {"start": _bound(_parse(window.start), sample), "end": _bound(_parse(window.end), sample)}


def as_times(window: Window) -> dict[str, dt.datetime]:
    """The ends of the window as aware times."""
    return {"start": _parse(window.start), "end": _parse(window.end)}


def offset_in(sample: object) -> str:
    """The offset from UTC at the end of a stored time, empty where it has none. Text of several offsets does not
    compare as the times that it means.
    """
    match = _FORM.match(sample) if isinstance(sample, str) else None
    return "" if match is None or (match["zone"] or "Z") in "Zz" else match["zone"]


def _bound(time: dt.datetime, sample: object) -> str | int:
    if isinstance(sample, int | float):
        return int(_up(time, _SECOND).timestamp())
    match = _FORM.match(sample) if isinstance(sample, str) else None
    if match is None:
        return _up(time, _SECOND).strftime("%Y-%m-%d %H:%M:%S")
    if zone := offset_in(sample):
        time = time.astimezone(dt.datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo)
    if match["separator"] is None:
        return _up(time, dt.timedelta(days=1)).strftime("%Y-%m-%d")
    separator = match["separator"].upper()
    if match["seconds"] is None:
        return _up(time, dt.timedelta(minutes=1)).strftime(f"%Y-%m-%d{separator}%H:%M")
    return _up(time, _SECOND).strftime(f"%Y-%m-%d{separator}%H:%M:%S")


def _up(time: dt.datetime, unit: dt.timedelta) -> dt.datetime:
    """The first whole unit of the day that is not before a time."""
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - (midnight - time) // unit * unit


def _parse(text: str) -> dt.datetime:
    """One end of a window as an aware time in UTC."""
    time = dt.datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
