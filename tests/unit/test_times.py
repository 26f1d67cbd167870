"""Times as the records write them."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.times import in_calendar, iso, of_microseconds

_SINCE = dt.datetime(1, 1, 2)  # noqa: DTZ001  hypothesis adds the zone


@given(st.datetimes(min_value=_SINCE, timezones=st.just(dt.timezone(dt.timedelta(hours=5, minutes=30)))))
def test_times_are_told_in_utc(time: dt.datetime) -> None:
    """A time with a zone of its own is the same moment in UTC, to the second."""
    told = iso(time)
    assert told.endswith("Z")
    assert dt.datetime.fromisoformat(told) == time.replace(microsecond=0)


def test_a_naive_time_is_utc() -> None:
    """Datasources without time zones are read as UTC, whatever the machine's own zone is."""
    assert iso(dt.datetime(2013, 1, 1, 5, 17)) == "2013-01-01T05:17:00Z"  # noqa: DTZ001  naive on purpose


def test_the_ends_of_the_calendar() -> None:
    """Every microsecond of the years 1 to 9999 is itself; a moment beyond is told, in UTC, and does not fail."""
    first = dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    last = dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC)
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    for time in (first, last):
        number = (time - epoch) // dt.timedelta(microseconds=1)
        assert of_microseconds(number) == time
        assert of_microseconds(number + (1 if time == last else -1)) == time
        assert in_calendar(time)
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert not in_calendar(dt.datetime.fromisoformat(text))
    for text in ("0001-01-01T14:00:00+14:00", "9999-12-31T09:59:59-14:00", "0001-01-01T00:00:00"):
        assert in_calendar(dt.datetime.fromisoformat(text))
