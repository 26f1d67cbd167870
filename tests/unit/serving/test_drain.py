"""The measured delay behind Retry-After."""

from __future__ import annotations

import pytest

from pulse_blocks.serving.drain import Drain
from pulse_blocks.serving.failures import overloaded
from pulse_blocks.serving.refusals import LONGEST_RETRY, as_refusal


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_delay_is_what_waits_over_the_measured_rate() -> None:
    """Fifty rows a second and two hundred waiting: four seconds. Idle time does not count."""
    clock = Clock()
    drain = Drain(clock)
    assert drain.delay() == 0
    drain.arrive(100)
    clock.now = 2.0
    drain.leave(100, clock.now)
    clock.now = 1000.0
    drain.arrive(200)
    assert drain.delay() == pytest.approx(4.0)


def test_old_work_counts_less() -> None:
    """A model that has become slow is known to be slow within some seconds of work."""
    clock = Clock()
    drain = Drain(clock)
    drain.arrive(1_000_000)
    for rate, seconds in ((1000, 10), (10, 10)):
        for _ in range(seconds):
            clock.now += 1
            drain.leave(rate, clock.now)
    drain.rows = 100
    assert 5 < drain.delay() <= 10


@pytest.mark.parametrize(("delay", "seconds"), [(0.0, 1), (0.2, 1), (3.1, 4), (10_000.0, LONGEST_RETRY)])
def test_retry_after_is_whole_seconds(delay: float, seconds: int) -> None:
    """Rounded up, never nothing, never absurdly long."""
    assert as_refusal(overloaded(5, delay)).retry_after == seconds
