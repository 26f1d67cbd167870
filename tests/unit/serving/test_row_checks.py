"""Checks over several features hold for requests as they hold for the data."""

from __future__ import annotations

from typing import Any

import msgspec
import pandas as pd
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.bodies import MOST_FIELDS, parse
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.pyfunc import PulseModel
from pulse_blocks.serving.refusals import Refusal
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol

from .conftest import load

CHECKS = [
    {"name": "far-is-slow", "expr": "distance < 1000 or stops > 0"},
    {"expr": "carrier <> 'van' or weight < 20"},
    {"expr": "weight < 1", "severity": "warn"},
    {"expr": "weight < 1 or late"},
]
BAD: dict[str, Any] = {**RECORD, "distance": 1500.0, "stops": 0}
WORSE = {**BAD, "carrier": "van", "weight": 30.0}
MESSAGE = "distance and stops together do not pass the check far-is-slow (distance < 1000 or stops > 0)."


@pytest.fixture
def checked(workspace: Workspace) -> Model:
    """A model whose protocol has checks over features alone, and others."""
    return load(workspace, protocol(checks=CHECKS))


def refused(model: Model, body: object) -> list[tuple[str, str]]:
    """Path and message of each bad field of a body."""
    with pytest.raises(Refusal) as refusal:
        parse(model, msgspec.json.encode(body))
    assert (refusal.value.status, refusal.value.code) == (422, "request.invalid")
    return [(field.path, field.message) for field in refusal.value.fields]


def test_a_record_is_held_to_checks_over_features(checked: Model) -> None:
    """A broken check is refused like a bad field, with the check's name; a null passes, a warning too."""
    assert refused(checked, BAD) == [("", MESSAGE)]
    assert refused(checked, WORSE)[0][1].startswith(f"{MESSAGE} carrier and weight together")
    for sound in (RECORD, {**BAD, "distance": None}):
        assert len(parse(checked, msgspec.json.encode(sound))[0]) == 1


def test_many_records_are_told_by_their_place(checked: Model) -> None:
    """Instances and columns name the records, and a flood of bad ones is cut."""
    assert refused(checked, {"instances": [RECORD, BAD]}) == [("instances[1]", MESSAGE)]
    columns = {name: [RECORD[name], BAD[name]] for name in RECORD}
    assert refused(checked, {"columns": columns}) == [("columns[1]", MESSAGE)]
    assert len(refused(checked, {"instances": [BAD] * 1000})) == MOST_FIELDS


def test_mlflow_is_held_to_them_as_well(checked: Model) -> None:
    """The same model inside MLflow refuses the same records."""
    with pytest.raises(PulseError, match="row 1: distance and stops together"):
        PulseModel(checked).predict(pd.DataFrame([RECORD, BAD]))
