"""Probabilities made to mean what they say, fitted on the validation rows.

Sigmoid: Platt's two numbers over the log-odds, with his targets (Platt 1999, "Probabilistic outputs for support vector
machines"). Isotonic: scikit-learn's non-decreasing steps. Of several classes each is calibrated against the others,
and the shares are made to add up to one (Zadrozny and Elkan 2002), as scikit-learn does.
"""

from __future__ import annotations

import numpy as np

from pulse_blocks.protocol.calibration import apply, log_odds
from pulse_blocks.protocol.spec import CalibrationSpec
from pulse_blocks.records import Calibration, ClassCurve

_STEPS, _ENOUGH = 100, 1e-12


def fitted(spec: CalibrationSpec, truth: np.ndarray, predicted: np.ndarray) -> Calibration:
    """The calibration for these validation rows; arguments as in ``metrics.evaluate``."""
    one = _sigmoid if spec.method == "sigmoid" else _isotonic
    if predicted.ndim == 1:
        curves = [one(truth > 0, predicted)]
    else:
        curves = [one(truth == number, predicted[:, number]) for number in range(predicted.shape[1])]
    return Calibration(method=spec.method, curves=tuple(curves))


def calibrated(calibration: Calibration | None, predicted: np.ndarray) -> np.ndarray:
    """What a served model says for these predictions of its trees: the same function, so the same bits."""
    if calibration is None:
        return predicted
    return np.array(apply(calibration, predicted.ravel().tolist())).reshape(predicted.shape)


def answers(calibration: Calibration | None, predicted: np.ndarray) -> np.ndarray:
    """The same as one number a row: a probability, a value, or the number of the likeliest class."""
    found = calibrated(calibration, predicted)
    return np.asarray(found.argmax(axis=1), np.float64) if found.ndim == 2 else found


def _sigmoid(yes: np.ndarray, probability: np.ndarray) -> ClassCurve:
    """Newton's method on the log loss; each step is halved until it helps."""
    odds = np.array([log_odds(value) for value in probability.tolist()])
    positive, negative = int(yes.sum()), int((~yes).sum())
    target = np.where(yes, (positive + 1) / (positive + 2), 1 / (negative + 2))
    rows = np.stack([odds, np.ones_like(odds)], axis=1)
    found, loss = np.array([1.0, 0.0]), _loss(rows @ np.array([1.0, 0.0]), target)
    for _ in range(_STEPS):
        said = _logistic(rows @ found)
        slope = rows.T @ (said - target)
        bend = (rows * (said * (1 - said))[:, None]).T @ rows + _ENOUGH * np.eye(2)
        step = np.linalg.solve(bend, slope)
        while (better := _loss(rows @ (found - step), target)) > loss and np.abs(step).max() > _ENOUGH:
            step /= 2
        if loss - better <= _ENOUGH * max(loss, 1.0):
            break
        found, loss = found - step, better
    return ClassCurve(slope=float(found[0]), intercept=float(found[1]))


def _logistic(odds: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(odds / 2)))


def _loss(odds: np.ndarray, target: np.ndarray) -> float:
    return float((np.logaddexp(0, odds) - target * odds).sum())


def _isotonic(yes: np.ndarray, probability: np.ndarray) -> ClassCurve:
    from sklearn.isotonic import IsotonicRegression

    found = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(probability, yes.astype(float))
    return ClassCurve(
        x=tuple(map(float, found.X_thresholds_)), y=tuple(map(float, np.clip(found.y_thresholds_, 0, 1)))
    )
