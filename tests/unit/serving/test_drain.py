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


def answer(drain: Drain, clock: Clock, parts: list[int], each: float) -> None:
    """Requests of so many parts come, and each part is answered ``each`` seconds after the one before."""
    for count in parts:
        drain.arrive(count)
    for count in parts:
        for _ in range(count - 1):
            clock.now += each
            drain.advance(1, clock.now)
        clock.now += each
        drain.leave(1, 1, clock.now)


def test_the_delay_is_what_waits_over_the_measured_rate() -> None:
    """Fifty requests a second and two hundred waiting: four seconds. Idle time does not count."""
    clock = Clock()
    drain = Drain(clock)
    assert drain.delay() == 0
    answer(drain, clock, [1] * 100, 0.02)
    clock.now = 1000.0
    for _ in range(200):
        drain.arrive(1)
    assert drain.delay() == pytest.approx(4.0)


def test_large_requests_are_no_quicker_than_small_ones() -> None:
    """Where all have five parts, and fifty parts are answered in a second, twenty requests are two seconds."""
    clock = Clock()
    drain = Drain(clock)
    answer(drain, clock, [5] * 100, 0.02)
    for _ in range(20):
        drain.arrive(5)
    assert drain.delay() == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("parts", [313, 3_125])
@pytest.mark.parametrize("before", [0, 200])
def test_one_large_request_does_not_hold_up_the_others(before: int, parts: int) -> None:
    """Small ones pass it: while it is answered, and when it was, nobody has to be sent away for seconds."""
    clock = Clock()
    drain = Drain(clock)
    answer(drain, clock, [1] * before, 0.001)
    drain.arrive(parts)
    for _ in range(parts - 1):
        assert drain.delay() < 0.05
        clock.now += 0.004
        drain.advance(1, clock.now)
    drain.leave(1, 1, clock.now)
    for _ in range(50):
        drain.arrive(1)
    assert drain.delay() < 0.5


def test_old_work_counts_less() -> None:
    """A model that has become slow is known to be slow within some seconds of work."""
    clock = Clock()
    drain = Drain(clock)
    answer(drain, clock, [1] * 10_000, 0.001)
    answer(drain, clock, [1] * 100, 0.1)
    for _ in range(100):
        drain.arrive(1)
    assert 5 < drain.delay() <= 10.01


@pytest.mark.parametrize(("delay", "seconds"), [(0.0, 1), (0.2, 1), (3.1, 4), (10_000.0, LONGEST_RETRY)])
def test_retry_after_is_whole_seconds(delay: float, seconds: int) -> None:
    """Rounded up, never nothing, never absurdly long."""
    assert as_refusal(overloaded(5, delay)).retry_after == seconds
