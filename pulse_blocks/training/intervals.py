"""How sure a metric is: a bootstrap over the held-out rows (Efron's percentiles, 95 %)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pulse_blocks.protocol.spec import Task
from pulse_blocks.training.weighted import weighted

RESAMPLES = 200
# Of more rows some that are evenly spread are resampled, and the spread is scaled by the root of their share.
MOST_ROWS = 20_000
_PERCENTILES = (2.5, 97.5)


def intervals(
    task: Task,
    metrics: dict[str, float],
    truth: np.ndarray,
    predicted: np.ndarray,
    threshold: float,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Low and high of each of ``metrics``, which are those of all held-out rows.

    Rows are drawn one by one: where they hang together (several of one customer) the truth is wider. A metric
    that is defined on no resample is left out.
    """
    rows = _spread(truth.size)
    scale = float(np.sqrt(rows.size / truth.size))
    truth, predicted = truth[rows], predicted[rows]
    names: Sequence[str] = list(metrics)
    compute = weighted(task, names, truth, predicted, threshold)
    draw = np.random.default_rng(seed)
    found = np.array([list(compute(_resample(draw, truth.size)).values()) for _ in range(RESAMPLES)])
    centre = np.array(list(compute(np.ones(truth.size)).values()))
    return {
        name: interval
        for at, name in enumerate(names)
        if (interval := _interval(found[:, at], centre[at], metrics[name], scale)) is not None
    }


def _spread(count: int) -> np.ndarray:
    return np.arange(count) if count <= MOST_ROWS else np.linspace(0, count - 1, MOST_ROWS).astype(np.int64)


def _resample(draw: np.random.Generator, count: int) -> np.ndarray:
    """How often each row comes in a sample of ``count`` with replacement."""
    return np.bincount(draw.integers(0, count, count), minlength=count).astype(np.float64)


def _interval(values: np.ndarray, centre: float, metric: float, scale: float) -> tuple[float, float] | None:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return None
    low, high = np.percentile(known, _PERCENTILES)
    return float(metric + (low - centre) * scale), float(metric + (high - centre) * scale)
