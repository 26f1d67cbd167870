"""Gates: when a model is good enough, and in which words it is not."""

from __future__ import annotations

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import GateSpec
from pulse_blocks.training.gates import judge, lost, require


def sentence(gate: GateSpec, value: float) -> str:
    with pytest.raises(PulseError) as missed:
        require(judge([gate], {gate.metric: value}))
    assert missed.value.code == "training.gate_missed"
    return missed.value.message


def test_met() -> None:
    """A bound that is just reached is met; without a champion there is nothing to stay close to."""
    gates = [
        GateSpec(metric="roc_auc", at_least=0.7),
        GateSpec(metric="log_loss", at_most=0.5),
        GateSpec(metric="roc_auc", not_below_champion_by=0.01),
    ]
    results = judge(gates, {"roc_auc": 0.7, "log_loss": 0.5})
    require(results)
    assert [result.condition for result in results] == ["at_least", "at_most"]


def test_sentences() -> None:
    """A missed gate is one sentence with both numbers."""
    assert sentence(GateSpec(metric="roc_auc", at_least=0.7), 0.64123) == (
        "roc_auc 0.6412 is below the gate 0.70."
    )
    assert sentence(GateSpec(metric="rmse", at_most=3), 3.5) == "rmse 3.5000 is above the gate 3.00."


def test_close_miss_does_not_look_like_a_hit() -> None:
    """Rounding never makes the two numbers of a missed gate equal."""
    assert sentence(GateSpec(metric="roc_auc", at_least=0.7), 0.69999999) == (
        "roc_auc 0.69999999 is below the gate 0.70."
    )


def test_errors_beat_the_champion_from_below() -> None:
    """Where less is better the champion's bound lies above its value."""
    gate = GateSpec(metric="log_loss", not_below_champion_by=0.1)
    assert judge([gate], {"log_loss": 0.55}, {"log_loss": 0.5})[0].passed
    assert not judge([gate], {"log_loss": 0.65}, {"log_loss": 0.5})[0].passed


def test_losing_to_the_champion_is_no_failure() -> None:
    """A challenger that misses only the gate against the champion is not refused; a sentence says why it lost."""
    gates = [
        GateSpec(metric="roc_auc", at_least=0.6),
        GateSpec(metric="roc_auc", not_below_champion_by=0.01),
    ]
    note = "m@1.0.0-abc on the same 10 held-out rows"
    results = judge(gates, {"roc_auc": 0.7}, {"roc_auc": 0.75}, note)
    require(results)
    assert lost(results) == f"roc_auc 0.7000 is below what the champion allows, 0.74 ({note})."
    assert lost(judge(gates, {"roc_auc": 0.7}, {"roc_auc": 0.7}, note)) is None


@pytest.mark.parametrize("condition", ["at_least", "at_most", "not_below_champion_by"])
def test_a_metric_that_is_not_a_number_misses_every_gate(condition: str) -> None:
    """It neither passes nor is told to be above or below anything."""
    gate = GateSpec(metric="roc_auc", **{condition: 0.7})
    (result,) = judge((gate,), {"roc_auc": float("nan")}, {"roc_auc": 0.8})
    assert not result.passed
    if condition == "not_below_champion_by":
        assert lost((result,)) == "roc_auc is not a number, so it misses the gate 0.10."
        return
    with pytest.raises(PulseError, match=r"^roc_auc is not a number, so it misses the gate 0\.70\.") as error:
        require((result,))
    assert error.value.code == "training.gate_missed"


def test_a_champion_without_a_number_cannot_be_lost_against() -> None:
    """Nobody could ever replace it otherwise."""
    gate = GateSpec(metric="roc_auc", not_below_champion_by=0.01)
    assert judge((gate,), {"roc_auc": 0.6}, {"roc_auc": float("nan")}) == ()
