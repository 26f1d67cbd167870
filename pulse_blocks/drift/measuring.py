"""Columns of a window against the reference: what each differs by, and what it may differ by."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from pulse_blocks.drift.baseline import Baseline
from pulse_blocks.drift.decoding import Gathered
from pulse_blocks.drift.result import ColumnFinding
from pulse_blocks.protocol.monitoring_spec import MonitoringSpec, Threshold
from pulse_blocks.sketches.distances import Reference
from pulse_blocks.sketches.reference import (
    ColumnReference,
    DriftReference,
    missing_threshold,
    threshold_for,
)


class Measure(msgspec.Struct, frozen=True):
    """The method and the threshold of one column for a window of so many values, and both sides' values."""

    reference: ColumnReference
    threshold: float
    before: np.ndarray
    now: np.ndarray
    categorical: bool
    missing: float
    weight: float
    missing_threshold: float


class Measures(msgspec.Struct, frozen=True):
    """All that is measured of one window."""

    features: dict[str, Measure]
    prediction: Measure


def measures(
    spec: MonitoringSpec,
    reference: DriftReference,
    baseline: Baseline,
    window: Gathered,
    several_classes: bool,
) -> Measures:
    """What a window is measured by; ``reference`` holds for its method and length (see ``decision.calibrated``)."""
    equal = 1.0 / len(reference.features)
    features = {
        name: _measure(
            reference.features[name],
            reference,
            baseline.columns.numbers[name],
            window.columns.numbers[name],
            spec.features.threshold,
            categorical=name in baseline.columns.texts,
            weight=equal if spec.features.weights == "equal" else reference.features[name].weight,
        )
        for name in baseline.columns.numbers
    }
    prediction = _measure(
        reference.prediction,
        reference,
        baseline.answers,
        window.answers,
        spec.prediction.threshold,
        categorical=several_classes,
        weight=1.0,
    )
    return Measures(features, prediction)


def _measure(
    column: ColumnReference,
    reference: DriftReference,
    before: np.ndarray,
    now: np.ndarray,
    threshold: Threshold,
    *,
    categorical: bool,
    weight: float,
) -> Measure:
    here = now[np.isfinite(now)]
    return Measure(
        reference=column,
        threshold=threshold_for(column, reference, here.size) if threshold == "auto" else threshold,
        before=before[np.isfinite(before)],
        now=here,
        categorical=categorical,
        missing=1.0 - here.size / now.size if now.size else 0.0,
        weight=weight,
        missing_threshold=missing_threshold(column, reference, max(now.size, 1)),
    )


def distance(measure: Measure) -> float | None:
    """A column's distance by NumPy: what Evidently says too. None where one side has no values."""
    if not measure.before.size or not measure.now.size:
        return None
    known = Reference(np.sort(measure.before), categorical=measure.categorical)
    return known.distance(measure.reference.method, measure.now)


def finding(measure: Measure, score: float | None) -> ColumnFinding:
    """The verdict on one column: too far away, or with too many or too few nulls."""
    far = score is not None and score >= measure.threshold
    nulls = abs(measure.missing - measure.reference.missing) >= measure.missing_threshold
    return ColumnFinding(
        method=measure.reference.method,
        score=score,
        threshold=measure.threshold,
        typical=measure.reference.typical,
        missing=measure.missing,
        missing_reference=measure.reference.missing,
        missing_threshold=measure.missing_threshold,
        weight=measure.weight,
        drifted=far or nulls,
    )


def weighed_share(features: Mapping[str, ColumnFinding]) -> float:
    """The share of weight that has drifted."""
    total = sum(one.weight for one in features.values())
    return sum(one.weight for one in features.values() if one.drifted) / total if total else 0.0
