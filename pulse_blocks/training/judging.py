"""What is decided on validation rows once the trees stand, and what the whole model says of the held-out rows."""

from __future__ import annotations

import msgspec
import numpy as np

from pulse_blocks.protocol.decision import decision_threshold
from pulse_blocks.protocol.metrics import computed
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Calibration
from pulse_blocks.training.calibrating import calibrated, fitted
from pulse_blocks.training.evaluation import predict
from pulse_blocks.training.metrics import calibration_error, evaluate
from pulse_blocks.training.parts import Parts
from pulse_blocks.training.threshold import best_f1

# What calibration is for, beside the metrics that the protocol asks for.
ERROR = "calibration_error"


class Judged(msgspec.Struct, frozen=True):
    """``predicted`` are the (calibrated) predictions of the held-out rows, ``threshold`` what decides on them.

    ``chosen_threshold`` is None where the protocol says it. ``uncalibrated`` holds for each of some metrics its
    value before calibration and after; empty without one.
    """

    predicted: np.ndarray
    threshold: float
    chosen_threshold: float | None
    calibration: Calibration | None
    uncalibrated: dict[str, tuple[float, float]]


def judged(protocol: Protocol, text: bytes, data: Parts) -> Judged:
    """Calibrate, choose the threshold on calibrated probabilities, predict the held-out rows."""
    spec, calibration, chosen = protocol.training.calibration, None, None
    auto = protocol.output.decision.threshold == "auto" and protocol.task == "binary-classification"
    if data.validation is not None and (spec is not None or auto):
        said = predict(text, data.blocks, data.validation.rows)
        if spec is not None:
            calibration = fitted(spec, data.validation.labels, said)
        if auto:
            chosen = best_f1(data.validation.labels, calibrated(calibration, said))
    threshold = 0.5 if protocol.task != "binary-classification" else decision_threshold(protocol, chosen)
    raw = predict(text, data.blocks, data.test.rows)
    predicted = calibrated(calibration, raw)
    changed = {}
    if calibration is not None:
        before, after = (
            _probabilistic(protocol, data.test.labels, one, threshold) for one in (raw, predicted)
        )
        changed = {name: (before[name], after[name]) for name in before}
    return Judged(predicted, threshold, chosen, calibration, changed)


def _probabilistic(
    protocol: Protocol, truth: np.ndarray, predicted: np.ndarray, threshold: float
) -> dict[str, float]:
    """What says how far probabilities are from the truth, and the protocol's own metrics."""
    names = list(dict.fromkeys(["log_loss", *computed(protocol)]))
    found = evaluate(protocol.task, names, truth, predicted, threshold)
    return {ERROR: calibration_error(truth, predicted), **found}
