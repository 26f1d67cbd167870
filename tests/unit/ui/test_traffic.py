"""Rate and latency from the newest rows of the ledger."""

from __future__ import annotations

import pytest

from pulse_blocks.ui.traffic import MINUTES, NEWEST, traffic

NOW = 1_800_000_000_000_000


def test_a_quiet_model_is_counted_by_the_minute() -> None:
    """Every reply of the last quarter of an hour is in its minute; the rate is over all of them."""
    found = traffic([(NOW - 1, 1_000), (NOW - 61_000_000, 3_000), (NOW - 62_000_000, 2_000)], NOW)
    assert found.minutes == (*[0] * (MINUTES - 2), 2, 1)
    assert found.rate == pytest.approx(3 / (MINUTES * 60))
    assert (found.p50, found.p99) == (2.0, 3.0)


def test_a_busy_model_is_judged_by_its_newest_replies() -> None:
    """Where more rows exist than are read, the rate is over the time that those span, and minutes are not told."""
    found = traffic([(NOW - at * 1_000, 500) for at in range(1, NEWEST + 1)], NOW)
    assert found.rate == pytest.approx(1_000, rel=0.01)
    assert found.minutes is None


def test_without_replies_there_is_no_latency() -> None:
    """No reply: a rate of nothing, and no latency at all."""
    found = traffic([], NOW)
    assert (found.rate, found.p50, found.p99) == (0.0, None, None)
