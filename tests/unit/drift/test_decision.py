"""From findings to a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from pulse_blocks.drift.decision import Judged, decide, judge, require_calibrated
from pulse_blocks.drift.result import ColumnFinding, QualityFinding, WindowFinding
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.monitoring_spec import FeatureDriftSpec, MonitoringSpec
from pulse_blocks.sketches.reference import ColumnReference, DriftReference

HOUR = 3_600_000_000
NOW = 1_790_000_000_000_000
GOOD = QualityFinding(rows=1000, broken=0)
DRIFTED, CALM = Judged(0.5, drifted=True, reasons=()), Judged(0.0, drifted=False, reasons=())


def one(*, drifted: bool, weight: float = 0.1, **facts: Any) -> ColumnFinding:
    """A column that has drifted, or not."""
    known = {
        "method": "wasserstein", "score": 0.4 if drifted else 0.1, "threshold": 0.2, "typical": 0.1, "missing": 0.0,
        "missing_reference": 0.0, "missing_threshold": 0.1,
    }  # fmt: skip
    return ColumnFinding(weight=weight, drifted=drifted, **{**known, **facts})


def window(drifted: bool | None) -> WindowFinding:
    """A window before."""
    return WindowFinding(start="a", end="b", rows=10, share=None, drifted=drifted)


def test_features_count_by_their_weight() -> None:
    """One that matters is enough, many that do not are not."""
    spec = MonitoringSpec(features=FeatureDriftSpec(share=0.2))
    heavy = {"a": one(drifted=True, weight=0.3), "b": one(drifted=False, weight=0.7)}
    light = {
        "a": one(drifted=False, weight=0.9),
        **{f"b{at}": one(drifted=True, weight=0.01) for at in range(10)},
    }
    calm = one(drifted=False)
    found = judge(spec, heavy, calm, None, GOOD)
    assert (found.drifted, found.share) == (True, pytest.approx(0.3))
    assert "a is 0.4 away by wasserstein; up to 0.2 is usual." in found.reasons
    assert not judge(spec, light, calm, None, GOOD).drifted


def test_predictions_alone_are_enough() -> None:
    """A drifted answer is drift, whatever the inputs say; broken rows are told and decide nothing."""
    calm = {"a": one(drifted=False)}
    assert judge(MonitoringSpec(), calm, one(drifted=True), None, GOOD).drifted
    bad = QualityFinding(rows=10, broken=2, examples=("inference_1: weight: Too much.",))
    found = judge(MonitoringSpec(), calm, one(drifted=False), None, bad)
    assert not found.drifted
    assert "2 of 10 rows do not hold the protocol, such as inference_1: weight: Too much." in found.reasons


@pytest.mark.parametrize(
    ("persistence", "before", "verdict"),
    [
        (1, [], "drifted"),
        (2, [], "suspected"),
        (2, [False], "suspected"),
        (2, [None], "suspected"),
        (2, [True], "drifted"),
        (3, [True], "suspected"),
        (3, [True, False], "suspected"),
        (3, [True, True], "drifted"),
    ],
)
def test_persistence(persistence: int, before: list[bool | None], verdict: str) -> None:
    """So many windows in a row; one without rows says nothing, so it breaks the row."""
    spec = MonitoringSpec(persistence=persistence)
    assert decide(spec, DRIFTED, [window(drifted) for drifted in before], None, NOW)[0] == verdict
    assert decide(spec, CALM, [window(drifted) for drifted in before], None, NOW) == ("calm", ())


@pytest.mark.parametrize(
    ("alarm", "verdict"),
    [
        (None, "drifted"),
        (NOW - 7 * HOUR, "drifted"),
        (NOW - 5 * HOUR, "cooling"),
        (NOW + 9 * HOUR, "cooling"),
    ],
)
def test_cooldown(alarm: int | None, verdict: str) -> None:
    """By the clock, and a clock that was put back does not end it."""
    assert decide(MonitoringSpec(persistence=1, cooldown="6h"), DRIFTED, [], alarm, NOW)[0] == verdict


def test_thresholds_hold_for_what_they_were_calibrated_for() -> None:
    """Another window or method needs other thresholds; where they are numbers there is nothing to calibrate."""
    column = ColumnReference(
        method="wasserstein", weight=1, threshold=1, typical=1, noise=1, missing=0, missing_spread=0
    )
    reference = DriftReference(
        sample="", sample_sha256="", rows=1, window="7 days", window_rows=1, critical=1, calm=(),
        features={"a": column}, prediction=column,
    )  # fmt: skip
    require_calibrated(MonitoringSpec(), reference, "7 days", "m")
    with pytest.raises(PulseError, match="windows of 7 days, not of 48 hours"):
        require_calibrated(MonitoringSpec(), reference, "48 hours", "m")
    with pytest.raises(PulseError, match="by wasserstein, not by psi"):
        require_calibrated(MonitoringSpec(features=FeatureDriftSpec(method="psi")), reference, "7 days", "m")
