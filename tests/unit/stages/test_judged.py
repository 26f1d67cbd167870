"""Training as it is judged, through all stages, on data sets of two classes, of several, and of a value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from pulse_blocks import bundle
from pulse_blocks.errors import PulseError
from pulse_blocks.lineage import trace
from pulse_blocks.protocol import loading
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.reproduce import reproduce
from pulse_blocks.stages.store import store
from pulse_blocks.stores import open_store
from pulse_blocks.tracking import Tracking
from tests import six_stages
from tests.real_data import frame, project, write_protocol

PARAMS = {"num_leaves": 7, "min_data_in_leaf": 5}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return project(tmp_path_factory.mktemp("real") / "project")


def served(workspace: Workspace, outcome: six_stages.Outcome) -> Model:
    """The model as the runtime has it."""
    store = open_store(workspace.store)
    return Model(bundle.load(store, outcome.stored.bundle, outcome.stored.bundle_sha256))


def test_two_classes(workspace: Workspace) -> None:
    """Early stopping, balanced classes, monotone features, whole groups held out, a threshold that is chosen.

    The threshold is in the bundle, served, told by lineage and MLflow; the run can be reproduced.
    """
    training: dict[str, Any] = {
        "seed": 5,
        "rounds": 500,
        "params": PARAMS,
        "early_stopping": {"rounds": 20, "metric": "log_loss"},
        "weights": "balanced",
        "monotone": {"worst_area": "decreasing"},
        "split": {"by": "group", "column": "clinic", "test": 0.25},
        "metrics": ["roc_auc", "f1_score"],
    }
    decision = {"decision": {"threshold": "auto"}}
    write_protocol(workspace, "cancer", "tumour", training=training, output=decision)
    outcome = six_stages.run(workspace, "tumour")
    model, threshold = outcome.model, outcome.model.threshold
    assert threshold is not None
    assert 0 < threshold < 1
    assert model.metrics["roc_auc"] > 0.95
    assert model.intervals["roc_auc"][0] < model.metrics["roc_auc"] < model.intervals["roc_auc"][1]

    text = open_store(workspace.store).get(model.text)
    assert 5 < text.count(b"\nTree=") < 500
    runtime = served(workspace, outcome)
    data = frame("cancer")
    records = [
        {name: row[name] for name in runtime.protocol.features} for row in data.to_dict(orient="records")
    ]
    asked = msgspec.convert(records, list[runtime.record])  # type: ignore[name-defined]
    said = [msgspec.json.decode(one) for one in runtime.outputs(asked)]
    assert all(one["decision"] == (one["probability"] >= threshold) for one in said)
    assert 0 < sum(one["decision"] for one in said) < len(said)

    (root,) = [trace(workspace, model.model)]
    assert root.facts["threshold"] == threshold
    logged = Tracking(workspace)._client.get_run(model.tracking_run).data.metrics
    assert logged["decision_threshold"] == pytest.approx(threshold)
    assert logged["roc_auc_low"] == pytest.approx(model.intervals["roc_auc"][0])
    folder = Path(workspace.artifacts) / "tumour" / model.tracking_run / "artifacts"
    assert model.model in (folder / "model_card.html").read_text()
    assert "Precision and recall" in (folder / "model_card.md").read_text()
    assert model.curves is not None
    assert open_store(workspace.store).size(model.curves)
    again = reproduce(workspace, model.run)
    assert (again.same, again.differences) == (True, ())


def test_a_monotone_feature_is_monotone(workspace: Workspace) -> None:
    """Whatever else a record holds, a greater area never makes the answer more likely."""
    training = {"rounds": 60, "params": PARAMS, "monotone": {"worst_area": "decreasing"}}
    write_protocol(workspace, "cancer", "monotone", training=training)
    runtime = served(workspace, six_stages.run(workspace, "monotone"))
    rows = frame("cancer").head(40).to_dict(orient="records")
    record = runtime.record
    for row in rows:
        areas = [
            {**{name: row[name] for name in runtime.protocol.features}, "worst_area": float(area)}
            for area in range(200, 4000, 200)
        ]
        values = runtime.values(msgspec.convert(areas, list[record]))  # type: ignore[valid-type]
        assert (np.diff(np.asarray(values)) <= 0).all()


@pytest.mark.parametrize(("table", "least"), [("digits", 0.9), ("wine", 0.85)])
def test_several_classes(workspace: Workspace, table: str, least: float) -> None:
    """Early stopping by accuracy and weights by class; the bounds enclose the metric."""
    training = {
        "rounds": 100,
        "params": PARAMS,
        "early_stopping": {"rounds": 20, "metric": "accuracy"},
        "weights": "balanced",
        "metrics": ["accuracy", "f1_macro"],
    }
    write_protocol(workspace, table, table, training=training)
    outcome = six_stages.run(workspace, table)
    assert outcome.model.metrics["accuracy"] > least
    for name, (low, high) in outcome.model.intervals.items():
        assert low <= outcome.model.metrics[name] <= high
    assert outcome.deployed.promoted


def test_a_value(workspace: Workspace) -> None:
    """A regression with a weight for each row, judged on the rows that the data themselves name."""
    training = {
        "rounds": 300,
        "params": {**PARAMS, "learning_rate": 0.05},
        "early_stopping": {"rounds": 20, "metric": "mae"},
        "weights": {"column": "counts"},
        "split": {"by": "column", "column": "clinic", "value": 3},
        "metrics": ["rmse", "r2"],
    }
    write_protocol(workspace, "diabetes", "progression", training=training)
    outcome = six_stages.run(workspace, "progression")
    assert outcome.model.test_rows == int((frame("diabetes")["clinic"] == 3).sum())
    assert outcome.model.threshold is None
    low, high = outcome.model.intervals["rmse"]
    assert low < outcome.model.metrics["rmse"] < high
    assert Path(open_store(workspace.store).locate(outcome.model.text)).is_file()


def test_another_threshold_of_the_same_trees_is_another_contract(workspace: Workspace) -> None:
    """A stored bundle is never changed: where the same trees would decide otherwise, a new version is asked for."""
    training = {"rounds": 5, "params": PARAMS, "split": {"by": "random", "validation": 0.5}}
    auto = {"decision": {"threshold": "auto"}}
    write_protocol(workspace, "cancer", "decided", training=training, output=auto)
    outcome = six_stages.run(workspace, "decided")
    protocol = loading.load(loading.find(workspace, "decided"))
    context = Context(protocol=protocol, workspace=workspace, window=None, attempt="attempt-other")
    other = msgspec.structs.replace(outcome.model, threshold=0.123)
    with pytest.raises(PulseError) as error:
        store(other, context)
    assert error.value.code == "bundle.contract_changed"
