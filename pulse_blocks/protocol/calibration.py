"""A calibration as plain data, and what it makes of the numbers of a model.

Training and the runtime both call ``apply``, so that a served probability is the offline one to the bit. No array
library: the runtime has none.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

from pulse_blocks.records import Calibration, ClassCurve

# A probability of 0 or 1 has no log-odds; nearer ones are not told apart.
_LEAST = 1e-15


def apply(calibration: Calibration, values: Sequence[float]) -> list[float]:
    """The model's numbers, one row after the other, calibrated; those of several classes add up to one again."""
    curves = calibration.curves
    size = len(curves)
    if size == 1:
        curve = curves[0]
        return [_one(curve, value) for value in values]
    found: list[float] = []
    for start in range(0, len(values), size):
        row = [_one(curve, value) for curve, value in zip(curves, values[start : start + size], strict=True)]
        total = math.fsum(row)
        found += [value / total for value in row] if total > 0 else [1 / size] * size
    return found


def log_odds(probability: float) -> float:
    """log(p / (1 - p)), finite for any probability."""
    inside = min(max(probability, _LEAST), 1 - _LEAST)
    return math.log(inside / (1 - inside))


def _one(curve: ClassCurve, value: float) -> float:
    if curve.x:
        return _between(curve.x, curve.y, value)
    odds = curve.slope * log_odds(value) + curve.intercept
    if odds >= 0:
        return 1 / (1 + math.exp(-odds))
    grown = math.exp(odds)
    return grown / (1 + grown)


def _between(x: Sequence[float], y: Sequence[float], value: float) -> float:
    after = bisect_right(x, value)
    if after == 0:
        return y[0]
    if after == len(x):
        return y[-1]
    low, high = y[after - 1], y[after]
    return min(low + (high - low) * ((value - x[after - 1]) / (x[after] - x[after - 1])), high)
