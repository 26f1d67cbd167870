"""The metrics of ``metrics.py`` over rows that count more or less often: what a bootstrap repeats by the hundred.

The same formulas as scikit-learn's with ``sample_weight``; what does not depend on the weights (order, losses of
single rows) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pulse_blocks.protocol.spec import Task

# Weights (rows,) → the value of each metric, NaN where it is not defined.
Metrics = Callable[[np.ndarray], dict[str, float]]
_EPSILON = np.finfo(np.float64).eps


def weighted(
    task: Task, names: Sequence[str], truth: np.ndarray, predicted: np.ndarray, threshold: float
) -> Metrics:
    """The function for these rows; arguments as in ``metrics.evaluate``."""
    functions = {
        "binary-classification": _binary,
        "multiclass-classification": _multiclass,
        "regression": _regression,
    }[task](truth, predicted, threshold)

    def compute(weights: np.ndarray) -> dict[str, float]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return {name: float(functions[name](weights)) for name in names}

    return compute


_Functions = dict[str, Callable[[np.ndarray], float]]


def _binary(truth: np.ndarray, probability: np.ndarray, threshold: float) -> _Functions:
    positives = truth > 0
    actual, decided = positives.astype(np.float64), (probability >= threshold).astype(np.float64)
    hit, either, right = actual * decided, actual + decided, (actual == decided).astype(np.float64)
    loss = -np.log(np.clip(np.where(positives, probability, 1 - probability), _EPSILON, None))
    squares = (probability - actual) ** 2
    order = np.argsort(-probability, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(probability[order]) != 0, [True]))
    positive = actual[order]
    return {
        "accuracy": lambda w: _dot(w, right) / w.sum(),
        "f1_score": lambda w: _ratio(2 * _dot(w, hit), _dot(w, either)),
        "precision": lambda w: _ratio(_dot(w, hit), _dot(w, decided)),
        "recall": lambda w: _ratio(_dot(w, hit), _dot(w, actual)),
        "log_loss": lambda w: _dot(w, loss) / w.sum(),
        "brier_score": lambda w: _dot(w, squares) / w.sum(),
        "roc_auc": lambda w: _roc_auc(w[order], positive, ends),
        "average_precision": lambda w: _average_precision(w[order], positive, ends),
    }


def _roc_auc(weights: np.ndarray, positive: np.ndarray, ends: np.ndarray) -> float:
    hits = np.cumsum(weights * positive)[ends]
    misses = np.cumsum(weights)[ends] - hits
    return float(np.trapezoid(np.append(0, hits), np.append(0, misses)) / (hits[-1] * misses[-1]))


def _average_precision(weights: np.ndarray, positive: np.ndarray, ends: np.ndarray) -> float:
    hits = np.cumsum(weights * positive)[ends]
    decided = np.cumsum(weights)[ends]
    precision = np.where(decided > 0, hits / np.where(decided > 0, decided, 1), 0)
    return _dot(np.diff(np.append(0, hits)), precision) / float(hits[-1])


def _multiclass(truth: np.ndarray, probabilities: np.ndarray, _threshold: float) -> _Functions:
    codes = truth.astype(np.int64)
    decided = probabilities.argmax(axis=1)
    right = codes == decided
    rights = right.astype(np.float64)
    loss = -np.log(np.clip(probabilities[np.arange(codes.size), codes], _EPSILON, None))
    classes = probabilities.shape[1]

    def f1_macro(weights: np.ndarray) -> float:
        actual = np.bincount(codes, weights, classes)
        said = np.bincount(decided, weights, classes)
        hits = np.bincount(codes[right], weights[right], classes)
        present = actual + said > 0
        return float((2 * hits[present] / (actual + said)[present]).mean())

    return {
        "accuracy": lambda w: _dot(w, rights) / w.sum(),
        "f1_macro": f1_macro,
        "log_loss": lambda w: _dot(w, loss) / w.sum(),
    }


def _regression(truth: np.ndarray, value: np.ndarray, _threshold: float) -> _Functions:
    squares, distances = (truth - value) ** 2, np.abs(truth - value)

    def r2(weights: np.ndarray) -> float:
        centred = (truth - _dot(weights, truth) / weights.sum()) ** 2
        return float(1 - _dot(weights, squares) / np.float64(_dot(weights, centred)))

    return {
        "rmse": lambda w: float(np.sqrt(_dot(w, squares) / w.sum())),
        "mae": lambda w: _dot(w, distances) / w.sum(),
        "r2": r2,
    }


def _dot(weights: np.ndarray, values: np.ndarray) -> float:
    # Not by BLAS: for 20,000 numbers it wakes all its threads, and where cores are busy waits for them for ms.
    return float(np.einsum("i,i->", weights, values))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
