"""Distances say what Evidently says, and a KLL sketch what the values say, within its bound."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from evidently.legacy.calculations.stattests import (
    jensenshannon_stat_test,
    psi_stat_test,
    wasserstein_stat_test,
)
from evidently.legacy.core import ColumnType
from scipy.stats import ks_2samp

from pulse_blocks.sketches.distances import Reference

_THEIRS = {
    "wasserstein": wasserstein_stat_test,
    "jensenshannon": jensenshannon_stat_test,
    "psi": psi_stat_test,
}


def pairs() -> dict[str, tuple[np.ndarray, np.ndarray, bool]]:
    """Reference, window and whether they are categories, for what is easy and what is not."""
    draw = np.random.default_rng(5)
    return {
        "normal": (draw.normal(size=4000), draw.normal(0.2, 1.3, size=900), False),
        "the same": (np.arange(50.0), np.arange(50.0), False),
        "skewed": (draw.exponential(9, 3000), draw.exponential(5, 77), False),
        "few values": (draw.integers(0, 9, 2000) * 1.0, draw.integers(3, 12, 800) * 1.0, False),
        "constant": (np.full(300, 4.0), np.full(20, 4.0), False),
        "constant, elsewhere": (np.full(300, 4.0), np.full(20, 5.5), False),
        "one row": (draw.normal(size=500), np.array([0.3]), False),
        "categories": (draw.integers(0, 40, 5000) * 1.0, draw.integers(0, 30, 600) * 1.0, True),
        "unseen category": (draw.integers(0, 3, 500) * 1.0, np.array([7.0, 7.0, 1.0]), True),
    }


@pytest.mark.parametrize("method", ["wasserstein", "jensenshannon", "psi"])
@pytest.mark.parametrize("name", list(pairs()))
def test_the_same_as_evidently(method: str, name: str) -> None:
    """To the last digits, so that thresholds calibrated with one hold for the other."""
    before, now, categorical = pairs()[name]
    if categorical and method == "wasserstein":
        return
    kind = ColumnType.Categorical if categorical else ColumnType.Numerical
    theirs = _THEIRS[method](pd.Series(before), pd.Series(now), kind, 0.1).drift_score
    ours = Reference(np.sort(before), categorical=categorical).distance(method, now)
    # Evidently gives NaN for the root of a rounding error below zero.
    assert ours == pytest.approx(0.0 if np.isnan(theirs) else theirs, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("name", ["normal", "the same", "skewed", "few values", "constant", "one row"])
def test_kolmogorov_smirnov(name: str) -> None:
    """The statistic, not the p-value."""
    before, now, _ = pairs()[name]
    ours = Reference(np.sort(before), categorical=False).distance("ks", now)
    assert ours == pytest.approx(ks_2samp(before, now).statistic)
