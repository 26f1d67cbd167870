"""What counts as drifted is what calm windows do not do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t

from pulse_blocks.sketches.calibration import calibrate, statistic, student_t
from pulse_blocks.sketches.reference import (
    ColumnReference,
    DriftReference,
    missing_threshold,
    threshold_for,
)


def column(**facts: float) -> ColumnReference:
    """A reference of one number."""
    known = {
        "weight": 1.0,
        "threshold": 0.1,
        "typical": 0.05,
        "noise": 2.0,
        "missing": 0.0,
        "missing_spread": 0.0,
    }
    return ColumnReference(method="wasserstein", **{**known, **facts})


def reference(one: ColumnReference) -> DriftReference:
    """A reference of 10,000 rows, calibrated on windows of 5,000."""
    return DriftReference(
        sample="", sample_sha256="", rows=10_000, window="7 days", window_rows=5_000, critical=3.0, calm=(),
        features={"x": one}, prediction=one,
    )  # fmt: skip


def test_student_t() -> None:
    """As scipy has it."""
    assert student_t(0.99, 11) == pytest.approx(t.ppf(0.99, 11))


def test_the_statistic_is_what_enough_weight_reaches() -> None:
    """The greatest number that features of at least the share reach together."""
    scores, weights = np.array([5.0, 1.0, 3.0, 2.0]), np.array([0.1, 0.5, 0.15, 0.25])
    assert statistic(scores, weights, 0.1) == 5.0
    assert statistic(scores, weights, 0.2) == 3.0
    assert statistic(scores, weights, 0.5) == 2.0
    assert statistic(scores, weights, 1.0) == 1.0


def test_no_calm_window_is_beyond_what_it_was_calibrated_on() -> None:
    """Not one of the windows that thresholds come from may count as drifted by them."""
    draw = np.random.default_rng(1)
    calm, chance = draw.gamma(2, 0.1, (9, 12)), draw.gamma(9, 0.01, (9, 200))
    weights = np.full(9, 1 / 9)
    found = calibrate(calm, chance, weights, 0.2)
    for window in calm.T:
        assert weights[window >= found.thresholds].sum() < 0.2


@pytest.mark.parametrize("features", [1, 3, 20])
def test_one_calm_window_in_a_hundred_is_called_drifted(features: int) -> None:
    """Whatever the number of features: windows like the calm ones stay below the thresholds, 99 times in 100."""
    draw = np.random.default_rng(features)
    weights, wrong = np.full(features, 1 / features), 0
    for _ in range(40):
        calm, chance = draw.gamma(8, 0.05, (features, 12)), draw.gamma(8, 0.05, (features, 200))
        thresholds = calibrate(calm, chance, weights, 0.2).thresholds
        fresh = draw.gamma(8, 0.05, (100, features))
        wrong += int(((fresh >= thresholds) @ weights >= 0.2).sum())
    assert wrong / 4000 <= 0.01


def test_fewer_rows_differ_by_more() -> None:
    """The allowance grows with the root of what is missing, and is never below the calm windows' own."""
    known = reference(column())
    one = known.features["x"]
    assert threshold_for(one, known, 5_000) == threshold_for(one, known, 80_000) == 0.1
    more = 2.0 * (math.sqrt(1 / 100 + 1e-4) - math.sqrt(1 / 5_000 + 1e-4))
    assert threshold_for(one, known, 100) == pytest.approx(0.1 + more)
    assert threshold_for(one, known, 0) > threshold_for(one, known, 2)


def test_nulls_have_a_threshold_of_their_own() -> None:
    """What calm windows do, chance, and five points of a hundred."""
    known = reference(column(missing=0.1, missing_spread=0.02))
    allowed = missing_threshold(known.features["x"], known, 5_000)
    assert 0.07 < allowed < 0.11
    assert missing_threshold(known.features["x"], known, 50) > allowed
