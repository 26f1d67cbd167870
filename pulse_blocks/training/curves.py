"""What a model does on the held-out rows, as points that can be drawn: at most a hundred a curve."""

from __future__ import annotations

import numpy as np

from pulse_blocks.protocol.spec import Task
from pulse_blocks.records import Record

_POINTS = 100
_BINS = 10


class Curve(Record, frozen=True, kw_only=True):
    """Points of a line: ``x`` and ``y`` of the same length."""

    x: tuple[float, ...]
    y: tuple[float, ...]


class Curves(Record, frozen=True, kw_only=True):
    """None where a task has no such curve.

    ``roc`` is false against true positive rate, ``precision_recall`` recall against precision, both of two classes.
    ``calibration`` is what was predicted against what came, in ten parts of as many rows: the probability of yes,
    of several classes that of the chosen one, or the value. ``confusion`` counts rows by true and chosen class.
    """

    calibration: Curve
    roc: Curve | None = None
    precision_recall: Curve | None = None
    confusion: tuple[tuple[int, ...], ...] | None = None


def curves(task: Task, truth: np.ndarray, predicted: np.ndarray) -> Curves:
    """The curves of these rows; arguments as in ``metrics.evaluate``."""
    if task == "regression":
        return Curves(calibration=_calibration(predicted, truth))
    if task == "multiclass-classification":
        codes, chosen = truth.astype(np.int64), predicted.argmax(axis=1)
        size = predicted.shape[1]
        counts = np.bincount(codes * size + chosen, minlength=size * size).reshape(size, size)
        return Curves(
            calibration=_calibration(predicted.max(axis=1), (codes == chosen).astype(np.float64)),
            confusion=tuple(tuple(map(int, row)) for row in counts),
        )
    from sklearn.metrics import precision_recall_curve, roc_curve

    actual = truth > 0
    false, true, _ = roc_curve(actual, predicted)
    precision, recall, _ = precision_recall_curve(actual, predicted)
    return Curves(
        roc=_thinned(false, true),
        precision_recall=_thinned(recall[::-1], precision[::-1]),
        calibration=_calibration(predicted, actual.astype(np.float64)),
    )


def _calibration(predicted: np.ndarray, came: np.ndarray) -> Curve:
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, _BINS) if part.size]
    means = np.array([(predicted[part].mean(), came[part].mean()) for part in parts])
    return Curve(x=tuple(means[:, 0].tolist()), y=tuple(means[:, 1].tolist()))


def _thinned(x: np.ndarray, y: np.ndarray) -> Curve:
    kept = np.unique(np.linspace(0, x.size - 1, _POINTS).astype(np.int64))
    return Curve(x=tuple(x[kept].tolist()), y=tuple(y[kept].tolist()))
