"""Distances between a reference and a window, as Evidently 0.7 defines them, in NumPy alone.

What is missing (NaN) must have been left out before. A distance needs at least one value on each side.

``wasserstein``  the first Wasserstein distance divided by the reference's standard deviation, which counts as
                 0.001 where it is less; numbers only.
``ks``           the Kolmogorov-Smirnov statistic D: the greatest difference of the two distribution functions.
                 A distance from 0 to 1, not a p-value, since a p-value falls with the number of rows alone.
``jensenshannon``  the root of the Jensen-Shannon divergence in nats, 0 to 0.83.
``psi``          the population stability index; an empty bin counts as a ten-thousandth.

The last two compare shares of categories, or of bins: numbers of more than 20 distinct reference values are put
into equal bins over both sides together (as many as Sturges says), others count by value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Values = np.ndarray[Any, np.dtype[np.float64]]

_LEAST_DEVIATION = 0.001
_FEW_VALUES = 20
_EMPTY_BIN = 0.0001


class Reference:
    """One column of the reference, sorted once for many windows. Categories are given as codes."""

    def __init__(self, values: Values, *, categorical: bool) -> None:
        """``values`` are sorted."""
        self.values = values
        self.deviation = max(float(np.std(values)), _LEAST_DEVIATION)
        self._by_value = categorical or 1 + np.count_nonzero(np.diff(values)) <= _FEW_VALUES

    def distance(self, method: str, window: Values) -> float:
        """How far a window's values are from the reference's."""
        if method == "wasserstein":
            return wasserstein(self.values, np.sort(window)) / self.deviation
        if method == "ks":
            return kolmogorov_smirnov(self.values, np.sort(window))
        before, now = self._shares(window)
        return jensen_shannon(before, now) if method == "jensenshannon" else stability_index(before, now)

    def _shares(self, window: Values) -> tuple[Values, Values]:
        if self._by_value:
            keys = np.union1d(self.values, window)
            return _by_key(keys, self.values), _by_key(keys, window)
        edges = np.histogram_bin_edges(np.concatenate([self.values, window]), bins="sturges")
        return _by_bin(edges, self.values), _by_bin(edges, window)


def wasserstein(before: Values, now: Values) -> float:
    """The first Wasserstein distance of two sorted samples: the area between their distribution functions."""
    together = np.concatenate([before, now])
    # Two sorted runs are merged by a stable sort in linear time. Of equal values the last one has seen all of them, and
    # no other counts, since the step to the next is 0.
    order = np.argsort(together, kind="stable")
    steps = np.diff(together[order])
    right = np.cumsum(order[:-1] >= before.size)
    left = np.arange(1, order.size) - right
    return float(np.sum(np.abs(left / before.size - right / now.size) * steps))


def kolmogorov_smirnov(before: Values, now: Values) -> float:
    """The greatest difference of the distribution functions of two sorted samples."""
    together = np.concatenate([before, now])
    left = np.searchsorted(before, together, "right") / before.size
    right = np.searchsorted(now, together, "right") / now.size
    return float(np.max(np.abs(left - right)))


def jensen_shannon(before: Values, now: Values) -> float:
    """The Jensen-Shannon distance of two vectors of shares."""
    before, now = before / before.sum(), now / now.sum()
    middle = (before + now) / 2
    divergence = (_relative_entropy(before, middle) + _relative_entropy(now, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def stability_index(before: Values, now: Values) -> float:
    """The population stability index of two vectors of shares."""
    before, now = _without_empty(before), _without_empty(now)
    return float(np.sum((before - now) * np.log(before / now)))


def _relative_entropy(shares: Values, other: Values) -> float:
    some = shares > 0
    return float(np.sum(shares[some] * np.log(shares[some] / other[some])))


def _without_empty(shares: Values) -> Values:
    least = shares[shares > 0].min()
    filler = least / 1e6 if least <= _EMPTY_BIN else _EMPTY_BIN
    return np.where(shares > 0, shares, filler)


def _by_key(keys: Values, values: Values) -> Values:
    return np.asarray(np.bincount(np.searchsorted(keys, values), minlength=keys.size) / values.size)


def _by_bin(edges: Values, values: Values) -> Values:
    return np.asarray(np.histogram(values, edges)[0] / values.size)
