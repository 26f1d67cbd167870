"""Metrics of the held-out part."""

from __future__ import annotations

import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.metrics import METRICS
from pulse_blocks.protocol.spec import Task
from pulse_blocks.training.metrics import evaluate

DRAW = np.random.default_rng(0)
EXAMPLES: dict[Task, tuple[np.ndarray, np.ndarray]] = {
    "binary-classification": (DRAW.integers(0, 2, 50).astype(float), DRAW.random(50)),
    "multiclass-classification": (
        DRAW.integers(0, 3, 50).astype(float),
        DRAW.dirichlet(np.ones(3), 50),
    ),
    "regression": (DRAW.random(50), DRAW.random(50)),
}


@pytest.mark.parametrize("task", METRICS)
def test_every_name_is_computed(task: Task) -> None:
    """What a protocol may ask for is what can be computed, in the order asked for."""
    truth, predicted = EXAMPLES[task]
    assert tuple(evaluate(task, METRICS[task], truth, predicted, 0.5)) == METRICS[task]


def test_threshold_decides() -> None:
    """A probability at the threshold is a decision for the positive class."""
    truth, probability = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.3, 0.9])
    assert evaluate("binary-classification", ["recall"], truth, probability, 0.3) == {"recall": 1.0}
    assert evaluate("binary-classification", ["recall"], truth, probability, 0.31) == {"recall": 0.5}


@pytest.mark.filterwarnings("ignore")
def test_undefined_metric_is_an_error() -> None:
    """A metric that is not a number on these rows is refused by name, never stored."""
    with pytest.raises(PulseError, match="r2 is nan on the 1 held-out rows") as refusal:
        evaluate("regression", ["r2"], np.array([1.0]), np.array([1.0]), 0.5)
    assert refusal.value.code == "training.held_out"
