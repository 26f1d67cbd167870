"""Times as the records write them."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.times import iso

_SINCE = dt.datetime(1000, 1, 2)  # noqa: DTZ001  hypothesis adds the zone


@given(st.datetimes(min_value=_SINCE, timezones=st.just(dt.timezone(dt.timedelta(hours=5, minutes=30)))))
def test_times_are_told_in_utc(time: dt.datetime) -> None:
    """A time with a zone of its own is the same moment in UTC, to the second."""
    told = iso(time)
    assert told.endswith("Z")
    assert dt.datetime.fromisoformat(told) == time.replace(microsecond=0)


def test_a_naive_time_is_utc() -> None:
    """Datasources without time zones are read as UTC, whatever the machine's own zone is."""
    assert iso(dt.datetime(2013, 1, 1, 5, 17)) == "2013-01-01T05:17:00Z"  # noqa: DTZ001  naive on purpose
