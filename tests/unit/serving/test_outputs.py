"""Outputs: JSON that a program can read, held to the protocol."""

from __future__ import annotations

import json
import math

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.outputs import renderer
from tests.served_models import protocol


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5, 1e-300, 0.1 + 0.2, 5e-324])
def test_numbers_keep_all_their_digits(value: float) -> None:
    """The JSON gives back the same double."""
    (output,) = renderer(protocol(), 1)([value])
    assert json.loads(output)["probability"] == value


def test_the_threshold_that_training_chose() -> None:
    """Where the protocol leaves it to training, the bundle's decides; without one nothing is served."""
    left = protocol(output={"decision": {"threshold": "auto"}})
    decided = [json.loads(output)["decision"] for output in renderer(left, 1, 0.25)([0.2499, 0.25])]
    assert decided == [False, True]
    with pytest.raises(PulseError) as error:
        renderer(left, 1)
    assert error.value.code == "model.threshold"


def test_the_decision_begins_at_the_threshold() -> None:
    """True from the threshold on, false below."""
    render = renderer(protocol(output={"decision": {"threshold": 0.3}}), 1)
    below, at = render([math.nextafter(0.3, 0), 0.3])
    assert (json.loads(below)["decision"], json.loads(at)["decision"]) == (False, True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1, 1.1])
def test_what_is_no_probability_never_leaves(value: float) -> None:
    """NaN, infinities and numbers outside 0 to 1 are refused."""
    with pytest.raises(PulseError) as error:
        renderer(protocol(), 1)([0.5, value])
    assert error.value.code == "model.output"


def test_a_value_is_held_to_its_bounds() -> None:
    """A regression's bounds come from the protocol; without them any finite number is fine."""
    free = renderer(protocol(task="regression"), 1)
    bound = renderer(protocol(task="regression", output={"value": {"ge": 0}}), 1)
    assert json.loads(free([-1e300])[0]) == {"value": -1e300}
    with pytest.raises(PulseError):
        bound([-0.5])
    for value in (math.nan, math.inf):
        with pytest.raises(PulseError):
            free([value])


def test_classes_must_be_as_many_as_the_model_knows() -> None:
    """A model of another number of classes does not belong to the protocol."""
    with pytest.raises(PulseError) as error:
        renderer(protocol(task="multiclass-classification"), 4)
    assert error.value.code == "model.classes"
