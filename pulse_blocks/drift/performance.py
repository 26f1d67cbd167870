"""The model's quality where labels have come in, beside what it was on the held-out part."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.drift.result import PerformanceFinding
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.windows import Labelled
from pulse_blocks.protocol.decision import decision_threshold
from pulse_blocks.protocol.metrics import LESS_IS_BETTER
from pulse_blocks.protocol.monitoring_spec import PerformanceDriftSpec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.times import iso, of_microseconds


def performance(
    loaded: LoadedBundle,
    spec: PerformanceDriftSpec,
    labelled: Sequence[Labelled],
    window: tuple[int, int],
    min_rows: int,
) -> PerformanceFinding:
    """The metric over labelled rows of ``window`` (microseconds), and whether it has dropped.

    It has where it lies ``max_drop`` or more below the held-out part's, and its interval (95 %) does not reach that:
    a few unlucky rows are no drop.
    """
    reference = loaded.bundle.run.metrics.get(spec.metric)
    truth, predicted = _pairs(loaded.protocol, labelled)
    facts = PerformanceFinding(
        metric=spec.metric,
        value=None,
        low=None,
        high=None,
        reference=math.nan if reference is None else reference,
        max_drop=spec.max_drop,
        rows=len(truth),
        unusable=len(labelled) - len(truth),
        start=_time(window[0]),
        end=_time(window[1]),
        drifted=False,
        reason="",
    )
    if reference is None:
        reason = f"{spec.metric} was not measured when the model was trained: nothing to compare with."
    elif len(truth) < min_rows:
        reason = f"{len(truth):,} labelled rows are fewer than min_rows: {min_rows:,}."
    else:
        return _judged(loaded, spec, facts, truth, predicted)
    return msgspec.structs.replace(facts, reason=reason)


def _judged(
    loaded: LoadedBundle,
    spec: PerformanceDriftSpec,
    facts: PerformanceFinding,
    truth: np.ndarray,
    predicted: np.ndarray,
) -> PerformanceFinding:
    from pulse_blocks.training.intervals import intervals
    from pulse_blocks.training.metrics import evaluate

    protocol, threshold = loaded.protocol, 0.5
    if protocol.task == "binary-classification":
        threshold = decision_threshold(protocol, loaded.bundle.threshold)
    try:
        value = evaluate(protocol.task, [spec.metric], truth, predicted, threshold)[spec.metric]
    except (PulseError, ValueError):
        reason = f"{spec.metric} is not defined on these {len(truth):,} rows: they have one class only."
        return msgspec.structs.replace(facts, reason=reason)
    found = intervals(protocol.task, {spec.metric: value}, truth, predicted, threshold, 0)
    low, high = found.get(spec.metric, (value, value))
    less = spec.metric in LESS_IS_BETTER
    drop = value - facts.reference if less else facts.reference - value
    sure = low > facts.reference if less else high < facts.reference
    return msgspec.structs.replace(
        facts,
        value=value,
        low=low,
        high=high,
        drifted=drop >= spec.max_drop and sure,
        reason=f"{spec.metric} is {value:.4f} on {len(truth):,} labelled rows ({low:.4f} to {high:.4f});"
        f" it was {facts.reference:.4f} on the held-out part.",
    )


def _pairs(protocol: Protocol, labelled: Sequence[Labelled]) -> tuple[np.ndarray, np.ndarray]:
    """Truth and prediction of each row whose label is a value of the target and whose output is whole."""
    classes = {} if protocol.task == "regression" else _codes(protocol)
    truth, predicted = [], []
    for row in labelled:
        label, said = _label(row.label, classes), _said(protocol, row.output)
        if label is not None and said is not None:
            truth.append(label)
            predicted.append(said)
    return np.array(truth, np.float64), np.array(predicted, np.float64)


def _codes(protocol: Protocol) -> dict[tuple[type, Any], float]:
    from pulse_blocks.training.encoding import classes

    return {(type(value), value): float(code) for code, value in enumerate(classes(protocol))}


def _label(text: str, classes: dict[tuple[type, Any], float]) -> float | None:
    try:
        if not classes:
            return msgspec.json.decode(text, type=float)
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None
    return classes.get((type(value), value)) if isinstance(value, bool | int | str) else None


def _said(protocol: Protocol, text: str) -> float | list[float] | None:
    try:
        output = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    if protocol.task == "multiclass-classification":
        found = output.get("probabilities")
        names = [str(value) for value in protocol.target.values or ()]
        return (
            [float(found[name]) for name in names]
            if isinstance(found, dict) and set(names) <= set(found)
            else None
        )
    value = output.get("value" if protocol.task == "regression" else "probability")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(microseconds: int) -> str:
    return iso(of_microseconds(microseconds))
