"""The metrics of ``protocol.metrics`` by scikit-learn: formulas are those of the functions named here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Task


def evaluate(
    task: Task, names: Sequence[str], truth: np.ndarray, predicted: np.ndarray, threshold: float
) -> dict[str, float]:
    """Each metric over held-out rows.

    ``truth`` holds codes of classes or values; ``predicted`` the probability of the positive class, rows by
    classes, or values. A row is decided for the positive class from ``threshold`` on. Raises
    PulseError("training.held_out") where a metric is not defined on these rows.
    """
    functions = {
        "binary-classification": _binary,
        "multiclass-classification": _multiclass,
        "regression": _regression,
    }[task](truth, predicted, threshold)
    found = {name: float(functions[name]()) for name in names}
    for name, value in found.items():
        if not math.isfinite(value):
            raise PulseError(
                "training.held_out",
                f"{name} is {value} on the {truth.size:,} held-out rows.",
                "Hold out more rows, or leave that metric out.",
            )
    return found


_Functions = dict[str, Callable[[], Any]]


def _binary(truth: np.ndarray, probability: np.ndarray, threshold: float) -> _Functions:
    from sklearn import metrics as sk

    decided = probability >= threshold
    actual = truth > 0
    return {
        "accuracy": lambda: sk.accuracy_score(actual, decided),
        "f1_score": lambda: sk.f1_score(actual, decided, zero_division=0.0),
        "roc_auc": lambda: sk.roc_auc_score(actual, probability),
        "precision": lambda: sk.precision_score(actual, decided, zero_division=0.0),
        "recall": lambda: sk.recall_score(actual, decided, zero_division=0.0),
        "log_loss": lambda: sk.log_loss(actual, probability, labels=[False, True]),
        "average_precision": lambda: sk.average_precision_score(actual, probability),
        "brier_score": lambda: sk.brier_score_loss(actual, probability),
    }


def _multiclass(truth: np.ndarray, probabilities: np.ndarray, _threshold: float) -> _Functions:
    from sklearn import metrics as sk

    decided = probabilities.argmax(axis=1)
    return {
        "accuracy": lambda: sk.accuracy_score(truth, decided),
        "f1_macro": lambda: sk.f1_score(truth, decided, average="macro", zero_division=0.0),
        "log_loss": lambda: sk.log_loss(truth, probabilities, labels=np.arange(probabilities.shape[1])),
    }


def _regression(truth: np.ndarray, value: np.ndarray, _threshold: float) -> _Functions:
    from sklearn import metrics as sk

    return {
        "rmse": lambda: sk.root_mean_squared_error(truth, value),
        "mae": lambda: sk.mean_absolute_error(truth, value),
        "r2": lambda: sk.r2_score(truth, value),
    }


def calibration_error(truth: np.ndarray, predicted: np.ndarray, bins: int = 10) -> float:
    """How far probabilities are from what came, in ten equal ranges of probability, weighed by rows.

    The expected calibration error (Naeini et al. 2015): of two classes for the probability of yes, of several for
    that of the class that is chosen.
    """
    if predicted.ndim == 1:
        said, came = predicted, truth > 0
    else:
        said, came = predicted.max(axis=1), truth.astype(np.int64) == predicted.argmax(axis=1)
    which = np.minimum((said * bins).astype(np.int64), bins - 1)
    total = np.bincount(which, said - came, bins)
    return float(np.abs(total).sum() / said.size)
