"""Doubles are sorted as numpy sorts them."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.sketches.sorting import ascending


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False) | st.sampled_from([0.0, -0.0, math.inf, -math.inf, 5e-324])))
def test_ascending(values: list[float]) -> None:
    """Of either sign, zero and infinite: the same numbers in the same order, in an array of their own."""
    given_ones = np.array(values, np.float64)
    found = ascending(given_ones)
    np.testing.assert_array_equal(found, np.sort(given_ones))
    assert sorted(np.signbit(found)) == sorted(np.signbit(given_ones))
    assert given_ones.tolist() == values
    assert found.flags.writeable  # which sketches ask for


def test_nan_at_the_ends() -> None:
    """NaN of either sign stands where whoever looks at the ends sees it."""
    for nan in (math.nan, math.copysign(math.nan, -1.0)):
        found = ascending(np.array([1.0, nan, -1.0]))
        assert math.isnan(found[0]) or math.isnan(found[-1])
