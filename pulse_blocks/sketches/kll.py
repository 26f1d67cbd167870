"""Distances from a KLL sketch: what a window is when its rows were never kept.

A sketch with ``KLL_K`` (see ``profile``) knows every rank to within ``rank_error`` of all rows, with 99 % confidence.
Two distribution functions that are each off by at most ``e`` give a Kolmogorov-Smirnov distance that is off by at most
``2 e``, and a Wasserstein distance by at most ``e`` times the range of either: ``error_bound`` adds both up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from pulse_blocks.sketches.distances import Values
from pulse_blocks.sketches.reference import ColumnReference


def weighted(sketch: Any) -> tuple[Values, Values]:
    """The values that a sketch kept, sorted, each once, and the share of all rows that each stands for."""
    values = np.unique(np.array([value for value, _ in sketch], np.float64))
    # The weights that iterating gives (datasketches 5.2) are wrong where a merge has left the lowest level empty.
    reached = np.array(sketch.get_cdf(values, True))[:-1]
    return values, np.diff(reached, prepend=0.0)


def wasserstein(column: ColumnReference, sketch: Any) -> float:
    """The normed Wasserstein distance of a sketch to a reference's quantiles; needs a value on each side."""
    before, now, steps = _functions(column, sketch)
    return float(np.sum(np.abs(before - now)[:-1] * steps)) / max(column.deviation or 0.0, 0.001)


def kolmogorov_smirnov(column: ColumnReference, sketch: Any) -> float:
    """The greatest difference of the distribution functions."""
    before, now, _ = _functions(column, sketch)
    return float(np.max(np.abs(before - now)))


def binned(column: ColumnReference, sketch: Any, reference_rows: int) -> tuple[Values, Values]:
    """Shares of both sides in equal bins, as many as Sturges says, for ``jensen_shannon`` and ``stability_index``."""
    quantiles = np.asarray(column.quantiles, np.float64)
    least, most = (
        pick(float(quantiles[at]), float(end()))
        for pick, at, end in ((min, 0, sketch.get_min_value), (max, -1, sketch.get_max_value))
    )
    edges = np.linspace(least, most, math.ceil(math.log2(reference_rows + sketch.n) + 1) + 1)
    values, shares = weighted(sketch)
    now = np.histogram(values, edges, weights=shares)[0]
    inner = np.concatenate([[0.0], _shares_below(quantiles, edges[1:-1]), [1.0]])
    return np.diff(inner), now


def counted(column: ColumnReference, counts: Mapping[str, int]) -> tuple[Values, Values]:
    """Shares of both sides by category, those that only one side knows included."""
    known = column.shares or {}
    names = list(dict.fromkeys((*known, *counts)))
    total = max(sum(counts.values()), 1)
    before = np.array([known.get(name, 0.0) for name in names])
    return before, np.array([counts.get(name, 0) / total for name in names])


def error_bound(column: ColumnReference, sketch: Any) -> float:
    """How far ``wasserstein`` may be from that of the rows themselves, with 99 % confidence.

    The reference's quantiles are exact at their places and stand for half a step between them.
    """
    quantiles = column.quantiles or (0.0,)
    spread = (quantiles[-1] - quantiles[0]) / (len(quantiles) - 1)
    here = rank_error(sketch) * (sketch.get_max_value() - sketch.get_min_value())
    return float((spread + here) / max(column.deviation or 0.0, 0.001))


def rank_error(sketch: Any) -> float:
    """How far any rank may be off, as a share of all rows: 0.0068 for k = 400, 0 while all rows are kept."""
    return float(sketch.normalized_rank_error(False)) if sketch.is_estimation_mode() else 0.0


def _functions(column: ColumnReference, sketch: Any) -> tuple[Values, Values, Values]:
    """Both distribution functions at every value of either side, and the steps between these values."""
    quantiles = np.asarray(column.quantiles, np.float64)
    values, shares = weighted(sketch)
    together = np.unique(np.concatenate([quantiles, values]))
    reached = np.concatenate([[0.0], np.cumsum(shares)])
    now = reached[np.searchsorted(values, together, "right")]
    return _shares_below(quantiles, together), now, np.diff(together)


def _shares_below(quantiles: Values, at: Values) -> Values:
    """The reference's distribution function: a quantile that stands several times is a value that many rows have."""
    places = np.linspace(0.0, 1.0, quantiles.size)
    last = np.searchsorted(quantiles, at, "right") - 1
    known = np.clip(last, 0, quantiles.size - 1)
    following = np.minimum(known + 1, quantiles.size - 1)
    width = quantiles[following] - quantiles[known]
    inside = np.where(width > 0, (at - quantiles[known]) / np.where(width > 0, width, 1.0), 0.0)
    found = places[known] + inside * (places[following] - places[known])
    return np.asarray(np.where(last < 0, 0.0, np.minimum(found, 1.0)))
