"""Metrics of weighted rows: scikit-learn's own, and what a bootstrap makes of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from pulse_blocks.protocol.metrics import METRICS
from pulse_blocks.training.intervals import intervals
from pulse_blocks.training.metrics import evaluate
from pulse_blocks.training.weighted import weighted

DRAW = np.random.default_rng(4)
ROWS = 400
TRUTH = (DRAW.random(ROWS) < 0.3).astype(float)
# Rounded, so that several rows share a probability.
PROBABILITY = np.round(np.clip(0.3 * TRUTH + DRAW.random(ROWS) * 0.7, 0.01, 0.99), 2)
WEIGHTS = DRAW.integers(0, 4, ROWS).astype(float)
CLASSES = DRAW.integers(0, 3, ROWS).astype(float)
PROBABILITIES = DRAW.dirichlet(np.ones(3), ROWS)
VALUES = DRAW.normal(size=ROWS)
CASES = [
    ("binary-classification", TRUTH, PROBABILITY),
    ("multiclass-classification", CLASSES, PROBABILITIES),
    ("regression", VALUES, VALUES + DRAW.normal(size=ROWS)),
]


@pytest.mark.parametrize(
    ("task", "truth", "predicted"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_same_as_rows_that_are_repeated(task: str, truth: np.ndarray, predicted: np.ndarray) -> None:
    """A weight is how often a row counts: the metrics are those of the rows written out so often."""
    names = METRICS[task]  # type: ignore[index]
    found = weighted(task, names, truth, predicted, 0.4)(WEIGHTS)  # type: ignore[arg-type]
    rows = np.repeat(np.arange(ROWS), WEIGHTS.astype(int))
    expected = evaluate(task, names, truth[rows], predicted[rows], 0.4)  # type: ignore[arg-type]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("task", "truth", "predicted"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_intervals_enclose_and_repeat(task: str, truth: np.ndarray, predicted: np.ndarray) -> None:
    """Low and high lie around each metric, and the same seed gives the same."""
    metrics = evaluate(task, METRICS[task], truth, predicted, 0.4)  # type: ignore[arg-type,index]
    found = intervals(task, metrics, truth, predicted, 0.4, 7)  # type: ignore[arg-type]
    assert list(found) == list(metrics)
    assert all(low < metrics[name] < high for name, (low, high) in found.items())
    assert found == intervals(task, metrics, truth, predicted, 0.4, 7)  # type: ignore[arg-type]
    assert found != intervals(task, metrics, truth, predicted, 0.4, 8)  # type: ignore[arg-type]


def test_as_wide_as_theory_says() -> None:
    """Of an accuracy: 1.96 standard errors each side, also where only some of the rows are resampled."""
    for rows in (5_000, 80_000):
        truth = (np.arange(rows) % 5 == 0).astype(float)
        probability = np.random.default_rng(1).random(rows)
        metrics = {"accuracy": float(((probability >= 0.5) == (truth > 0)).mean())}
        low, high = intervals("binary-classification", metrics, truth, probability, 0.5, 1)["accuracy"]
        share = metrics["accuracy"]
        assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / rows), rel=0.2)


def test_a_resample_of_one_class_is_left_out() -> None:
    """A single positive row is missing from a third of the resamples: the others still give bounds."""
    truth = np.zeros(30)
    truth[3] = 1.0
    probability = np.linspace(0, 1, 30)
    metrics = {"roc_auc": float(sk.roc_auc_score(truth, probability))}
    low, high = intervals("binary-classification", metrics, truth, probability, 0.5, 0)["roc_auc"]
    assert np.isfinite([low, high]).all()
