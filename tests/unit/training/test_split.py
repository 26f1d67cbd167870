"""Which rows are held out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import SplitSpec
from pulse_blocks.training.split import held_out

ROWS = np.arange(20_000)


def test_last_days() -> None:
    """The last share of the distinct days is held out, however many rows each has."""
    days = np.repeat([1, 2, 5, 8, 9], [100, 1, 1, 50, 3])
    mask = held_out(SplitSpec(by="time", test=0.4), 0, np.arange(days.size), days)
    assert set(days[mask]) == {8, 9}
    assert not mask[days < 8].any()


@given(st.integers(0, 2**31 - 1), st.floats(0.05, 0.95))
def test_random_share_and_stability(seed: int, share: float) -> None:
    """At random about the asked share is held out, and a row's part does not depend on the other rows."""
    mask = held_out(SplitSpec(test=share), seed, ROWS, None)
    assert mask.mean() == pytest.approx(share, abs=0.02)
    some = ROWS[::7]
    assert np.array_equal(held_out(SplitSpec(test=share), seed, some, None), mask[::7])


def test_seeds_differ() -> None:
    """Another seed holds out other rows."""
    one, two = (held_out(SplitSpec(test=0.5), seed, ROWS, None) for seed in (1, 2))
    assert 0.45 < (one == two).mean() < 0.55


def test_empty_part() -> None:
    """A split that leaves a part empty is refused."""
    with pytest.raises(PulseError, match="leaves one part empty"):
        held_out(SplitSpec(test=0.001), 0, np.arange(3), None)
