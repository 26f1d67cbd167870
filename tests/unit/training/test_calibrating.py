"""Calibration: probabilities come nearer to the truth, and a served one is the offline one to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from pulse_blocks.protocol.calibration import apply
from pulse_blocks.protocol.spec import CalibrationSpec
from pulse_blocks.records import Calibration, ClassCurve, from_json, to_json
from pulse_blocks.stores import open_store
from pulse_blocks.training import Champion, Fitted, fit
from pulse_blocks.training.calibrating import calibrated, fitted
from pulse_blocks.training.metrics import calibration_error
from pulse_blocks.validation import validate
from tests import small_data

METHODS = ("sigmoid", "isotonic")


def overconfident(rows: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from probabilities, and log-odds that are said three times too large."""
    draw = np.random.default_rng(seed)
    odds = draw.normal(0, 1, rows)
    truth = (draw.random(rows) < 1 / (1 + np.exp(-odds))).astype(float)
    return truth, 1 / (1 + np.exp(-3 * odds))


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_come_true(method: str) -> None:
    """On other rows than those it was fitted on the error is a fraction of what it was."""
    found = fitted(CalibrationSpec(method=method), *overconfident())
    truth, said = overconfident(seed=1)
    before, after = calibration_error(truth, said), calibration_error(truth, calibrated(found, said))
    assert after < before / 3


def test_sigmoid_is_a_logistic_regression_over_log_odds() -> None:
    """With many rows Platt's targets matter little: scikit-learn finds the same two numbers."""
    truth, said = overconfident(20_000)
    odds = np.log(said / (1 - said))
    expected = LogisticRegression(C=np.inf).fit(odds[:, None], truth)
    (curve,) = fitted(CalibrationSpec(method="sigmoid"), truth, said).curves
    assert curve.slope == pytest.approx(expected.coef_[0, 0], rel=1e-2)
    assert curve.intercept == pytest.approx(expected.intercept_[0], abs=1e-2)


def test_isotonic_is_scikit_learns() -> None:
    """The lines between its steps, at and beyond their ends."""
    truth, said = overconfident()
    found = fitted(CalibrationSpec(method="isotonic"), truth, said)
    expected = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(said, truth)
    asked = np.concatenate([said, np.linspace(0, 1, 501)])
    assert calibrated(found, asked) == pytest.approx(expected.predict(asked), abs=1e-12)


def test_one_class_in_sight() -> None:
    """A perfect model on its validation rows stays finite: no probability becomes certain."""
    truth = np.array([0.0] * 50 + [1.0] * 50)
    found = fitted(CalibrationSpec(method="sigmoid"), truth, np.where(truth > 0, 1 - 1e-9, 1e-9))
    said = calibrated(found, np.array([0.0, 0.5, 1.0]))
    assert np.isfinite(said).all()
    assert 0 < said[0] < said[1] < said[2] < 1


@given(
    st.lists(st.floats(0, 1), min_size=6, max_size=6),
    st.sampled_from(
        [
            Calibration(method="sigmoid", curves=(ClassCurve(slope=2.5, intercept=-0.3),) * 3),
            Calibration(method="isotonic", curves=(ClassCurve(x=(0.2, 0.7), y=(0.0, 0.9)),) * 3),
        ]
    ),
)
def test_several_classes_add_up(values: list[float], calibration: Calibration) -> None:
    """Whatever the trees say, what is said of the classes of a row is between 0 and 1 and adds up to 1."""
    found = apply(calibration, values)
    assert all(0 <= value <= 1 for value in found)
    assert sum(found[:3]) == pytest.approx(1)
    assert sum(found[3:]) == pytest.approx(1)


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(METHODS))
def test_order_is_kept(one: float, other: float, method: str) -> None:
    """A larger probability never becomes the smaller one."""
    found = fitted(CalibrationSpec(method=method), *overconfident(300))
    low, high = apply(found, sorted([one, other]))
    assert 0 <= low <= high <= 1
    assert apply(from_json(to_json(found), Calibration), sorted([one, other])) == [low, high]


def model(folder: Path, **sections: Any) -> tuple[Any, Fitted]:
    store = open_store(str(folder))
    contract = small_data.protocol(**sections)
    snapshot = small_data.snapshot_of(store, contract, small_data.columns(4000))
    given = (contract, snapshot, validate(contract, snapshot, store), store)
    return given, fit(*given)


@pytest.mark.parametrize("method", METHODS)
def test_a_calibrated_fit(tmp_path: Path, method: str) -> None:
    """Same trees; metrics, smoke rows and the threshold are of calibrated probabilities, those before are told."""
    training = {"seed": 3, "rounds": 40, "metrics": ["log_loss"], "split": {"by": "random"}}
    auto = {"decision": {"threshold": "auto"}}
    _, plain = model(tmp_path / "plain", training=training, output=auto)
    given, found = model(
        tmp_path / "found", training={**training, "calibration": {"method": method}}, output=auto
    )
    assert found.trees == plain.trees
    assert found.calibration is not None
    raw = list(plain.smoke.predictions)
    assert apply(found.calibration, raw) == list(found.smoke.predictions) != raw
    assert found.uncalibrated["log_loss"][0] == plain.metrics["log_loss"]
    assert found.uncalibrated["log_loss"][1] == found.metrics["log_loss"]
    assert found.threshold != plain.threshold
    champion = Champion(
        model="m",
        text=found.text,
        protocol=given[0],
        metrics={},
        threshold=found.threshold,
        calibration=found.calibration,
    )
    from pulse_blocks.training.evaluation import compare
    from pulse_blocks.training.parts import prepare

    assert compare(champion, given[0], ["log_loss"], prepare(*given))[0] == found.metrics
