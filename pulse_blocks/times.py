"""Points in time as the records write them."""

from __future__ import annotations

import datetime as dt

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_FIRST = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
_LAST = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)


def utc_now() -> str:
    """The time now in UTC, ISO 8601 to the second: ``2026-01-15T02:00:00Z``."""
    return iso(dt.datetime.now(dt.UTC))


def iso(time: dt.datetime) -> str:
    """A time in UTC, ISO 8601 to the second. A naive time is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return f"{aware.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def of_microseconds(microseconds: int) -> dt.datetime:
    """A time of the ledger in UTC, exactly; what is beyond the years 1 to 9999 is their first or last moment."""
    try:
        return _EPOCH + dt.timedelta(microseconds=microseconds)
    except OverflowError:
        return _FIRST if microseconds < 0 else _LAST


def in_calendar(time: dt.datetime | dt.date) -> bool:
    """Whether a time is in the years 1 to 9999 in UTC too; its own zone may be up to a day before or behind."""
    if not isinstance(time, dt.datetime) or time.tzinfo is None:
        return True
    try:
        time.astimezone(dt.UTC)
    except OverflowError:
        return False
    return True
