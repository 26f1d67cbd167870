"""Points in time as the records write them."""

from __future__ import annotations

import datetime as dt


def utc_now() -> str:
    """The time now in UTC, ISO 8601 to the second: ``2026-01-15T02:00:00Z``."""
    return iso(dt.datetime.now(dt.UTC))


def iso(time: dt.datetime) -> str:
    """A time in UTC, ISO 8601 to the second. A naive time is taken as UTC."""
    aware = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    return aware.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
