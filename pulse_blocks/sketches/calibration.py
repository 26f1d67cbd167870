"""Thresholds for "drifted" from windows in which nothing was wrong.

What windows of one's own data differ by when nothing is wrong is the yardstick: data that hang together in time
(a week's weather, a day's traffic) differ by far more than chance. Distances are positive and skewed, so all of
this is done on their roots, where a spread means the same at both ends.

Of the calm windows each feature has a mean and a spread of its root distance. A window's *statistic* is the number
of spreads that the protocol's weighed share of features lies above its mean: a single number for the whole window,
so that many features are one test and not many. Features that move together (weather) are no problem to it.

The *critical* value of the statistic is the greatest of

- Student's t for 99 % and as many calm windows as there are: few windows tell little about their own spread;
- the greatest statistic of any calm window, each measured against all the others;
- what chance alone reaches once in 200 windows of independent rows, which is simulated with everything that is
  estimated here: means and spreads from as many random windows as there are calm ones, the statistic from another.
  With few features, or skewed distances, that is more than the t.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.float64]]

LEVEL = 0.99
_CHANCE_LEVEL = 0.995
_SPLITS = 25
# A feature that never differs at all still needs a spread to be measured by.
_LEAST_SPREAD = 1e-3


class Calibrated(msgspec.Struct, frozen=True):
    """Thresholds of the features (as distances), ``critical``, and each calm window's share when left out."""

    critical: float
    thresholds: Matrix
    noise: Matrix
    shares: Matrix


def calibrate(calm: Matrix, random: Matrix, weights: Matrix, share: float) -> Calibrated:
    """Thresholds from distances, features by windows.

    ``calm`` are the windows of the training period, at least three; ``random`` windows of as many independent rows
    each, drawn from all of it. ``weights`` add up to 1. ``noise`` of the result is the distance that chance reaches in
    such a random window, at the same critical value.
    """
    roots, by_chance = np.sqrt(calm), np.sqrt(random)
    count = calm.shape[1]
    left_out = [_against(np.delete(roots, at, 1), roots[:, [at]])[:, 0] for at in range(count)]
    statistics = [statistic(scores, weights, share) for scores in left_out]
    chance = _once_in_200(by_chance, count, weights, share)
    critical = max(student_t(LEVEL, count - 1), chance, *statistics)
    shares = []
    for at, scores in enumerate(left_out):
        others = statistics[:at] + statistics[at + 1 :]
        bound = max(student_t(LEVEL, max(count - 2, 1)), chance, *others)
        shares.append(float(weights[scores >= bound].sum()))
    mean, spread = _scale(roots)
    random_mean, random_spread = _scale(by_chance)
    return Calibrated(
        critical=critical,
        thresholds=(mean + critical * spread * math.sqrt(1 + 1 / count)) ** 2,
        noise=(random_mean + critical * random_spread) ** 2,
        shares=np.array(shares),
    )


def _once_in_200(roots: Matrix, count: int, weights: Matrix, share: float) -> float:
    """The statistic that one in 200 random windows reaches, measured against ``count`` others."""
    draw, total, found = np.random.default_rng(0), roots.shape[1], []
    for _ in range(_SPLITS):
        order = draw.permutation(total)
        scores = _against(roots[:, order[:count]], roots[:, order[count:]])
        found += [statistic(column, weights, share) for column in scores.T]
    return float(np.quantile(found, _CHANCE_LEVEL))


def statistic(scores: Matrix, weights: Matrix, share: float) -> float:
    """The greatest number that features of at least ``share`` of all weight reach."""
    order = np.argsort(-scores)
    reached = np.cumsum(weights[order])
    at = int(np.searchsorted(reached, share - 1e-12))
    return float(scores[order[min(at, scores.size - 1)]])


def _against(others: Matrix, windows: Matrix) -> Matrix:
    """How many spreads of ``others`` each window lies above their mean, as a window that is none of them."""
    mean, spread = _scale(others)
    return np.asarray((windows.T - mean) / (spread * math.sqrt(1 + 1 / others.shape[1]))).T


def _scale(roots: Matrix) -> tuple[Matrix, Matrix]:
    return roots.mean(axis=1), np.maximum(roots.std(axis=1, ddof=1), _LEAST_SPREAD)


def student_t(level: float, degrees: int) -> float:
    """The quantile of Student's t distribution (scipy's ``stdtrit``)."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, level))
