"""The same predictions where MLflow loads the model."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from pulse_blocks import bundle as bundles
from pulse_blocks.errors import PulseError
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.pyfunc import _load_pyfunc
from pulse_blocks.settings import Workspace
from tests.served_models import protocol, records, train_and_promote

from .conftest import load


@pytest.mark.parametrize("task", ["binary-classification", "multiclass-classification", "regression"])
def test_frames_get_what_records_get(workspace: Workspace, task: str, tmp_path: Path) -> None:
    """A frame with missing values and a column too many gives the outputs of the runtime, in its own index."""
    model = load(workspace, protocol(task=task))
    rows = records(50, seed=8)
    frame = pd.DataFrame(rows, index=range(100, 150)).assign(note="x")
    found = _load_pyfunc(str(folder(tmp_path, model, workspace))).predict(frame)
    expected = [json.loads(o) for o in model.outputs(msgspec.convert(rows, list[model.record]))]  # type: ignore[name-defined]
    assert found.to_dict("records") == [output.get("probabilities", output) for output in expected]
    assert list(found.index) == list(range(100, 150))


def test_missing_integers_and_booleans_come_as_floats(workspace: Workspace, tmp_path: Path) -> None:
    """What pandas and MLflow make of a column with missing values is taken for what it was."""
    model = load(workspace, protocol())
    served = _load_pyfunc(str(folder(tmp_path, model, workspace)))
    rows = [{**row, "express": None if at % 2 else True} for at, row in enumerate(records(10))]
    floats = pd.DataFrame(rows).astype({"stops": float, "express": float})
    assert served.predict(floats).equals(served.predict(pd.DataFrame(rows)))


def test_a_frame_is_held_to_the_protocol(workspace: Workspace, tmp_path: Path) -> None:
    """A value out of range is an error, as it is for the runtime."""
    model = load(workspace, protocol())
    served = _load_pyfunc(str(folder(tmp_path, model, workspace)))
    with pytest.raises(PulseError) as error:
        served.predict(pd.DataFrame([{**records(1)[0], "weight": -3.0}]))
    assert error.value.code == "request.invalid"


def folder(tmp_path: Path, model: Model, workspace: Workspace) -> Path:
    """A model's data folder as MLflow hands it over."""
    train_and_promote(workspace, model.protocol)
    (tmp_path / "bundle.json").write_bytes(bundles.to_json(model.bundle))
    (tmp_path / "model.txt").write_bytes((Path(workspace.store) / model.bundle.text).read_bytes())
    return tmp_path
