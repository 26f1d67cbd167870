"""What breaches a guard, and what does not."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import roc_auc_score

from pulse_blocks.protocol.monitoring_spec import GuardSpec
from pulse_blocks.serving.probation.distances import equal_bins, jensen_shannon, roc_auc, tenths
from pulse_blocks.serving.probation.verdict import LEAST_PAIRS, Facts, breach

GUARD = GuardSpec()
BREACHES = {
    "an open circuit at once": (Facts(requests=3, failed=3, openings=1), "circuit"),
    "errors": (Facts(requests=200, failed=3), "1.5% of 200 requests failed"),
    "slower": (Facts(pairs=100, slowdown=3.1), "3.1 times as long"),
    "other predictions": (Facts(pairs=100, distance=0.31), "0.31 (Jensen-Shannon)"),
    "worse by labels": (Facts(labelled=200, drop=0.06), "0.0600 below"),
}
FINE = {
    "nothing yet": Facts(),
    "few requests, all failed": Facts(requests=199, failed=199),
    "as many errors as allowed": Facts(requests=200, failed=2),
    "few pairs": Facts(pairs=LEAST_PAIRS - 1, slowdown=9.0, distance=1.0),
    "few labels": Facts(labelled=199, drop=0.5),
    "better": Facts(requests=10_000, pairs=1000, slowdown=0.5, distance=0.1, labelled=500, drop=-0.1),
}


@pytest.mark.parametrize("case", BREACHES)
def test_a_breach_is_told_in_a_sentence(case: str) -> None:
    """With what was seen and what may be."""
    facts, said = BREACHES[case]
    told = breach(facts, GUARD)
    assert told is not None
    assert said in told


@pytest.mark.parametrize("case", FINE)
def test_what_is_no_breach(case: str) -> None:
    """Too little known, or within the limits."""
    assert breach(FINE[case], GUARD) is None


def test_distances_are_those_of_scipy_and_sklearn() -> None:
    """Jensen-Shannon in base 2 over the same bins; ROC AUC with ties."""
    draw = random.Random(1)  # noqa: S311 - test data
    before, now = [draw.betavariate(2, 5) for _ in range(900)], [draw.betavariate(3, 5) for _ in range(700)]
    edges = equal_bins(0.0, 1.0)
    full = [0.0, *edges, 1.0 + 1e-9]
    shares = [np.histogram(values, full)[0] / len(values) for values in (before, now)]
    assert jensen_shannon(before, now, edges) == pytest.approx(jensenshannon(*shares, base=2))
    assert jensen_shannon(before, before, tenths(before)) == 0.0
    scores = [round(value, 2) for value in before]
    labels = [draw.random() < score for score in scores]
    assert roc_auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert roc_auc(scores, [True] * len(scores)) is None
