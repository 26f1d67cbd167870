"""A real MLflow on SQLite, and what is told to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks import ids
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import TrainedModel
from pulse_blocks.settings import Workspace, sqlite_path
from pulse_blocks.training import Fitted, Smoke
from pulse_blocks.training.curves import Curve, Curves
from pulse_blocks.training.environment import environment
from tests import small_data

TREES = "3fa94c1" + 57 * "0"


@pytest.fixture
def tracked(workspace: Workspace, empty_mlflow: Path) -> Workspace:
    """A workspace whose MLflow is empty but ready."""
    path = sqlite_path(workspace.tracking)
    assert path is not None
    path.parent.mkdir(parents=True)
    shutil.copy(empty_mlflow, path)
    return workspace


@pytest.fixture
def contract() -> Protocol:
    return small_data.protocol()


@pytest.fixture
def fitted() -> Fitted:
    """What a fit of 1,500 rounds leaves behind, as far as MLflow is told."""
    return Fitted(
        text=b"tree\n\nparameters:\n",
        text_sha256="f" * 64,
        trees=TREES,
        metrics={"accuracy": 0.9, "roc_auc": 0.8},
        intervals={"accuracy": (0.85, 0.95), "roc_auc": (0.75, 0.85)},
        gates=(),
        history={"auc": tuple(0.5 + step / 10_000 for step in range(1500))},
        importance={"weight": 0.75, "distance": 0.25},
        curves=Curves(calibration=Curve(x=(0.1, 0.9), y=(0.2, 0.8))),
        params={"num_leaves": 7, "learning_rate": 0.1},
        train_rows=800,
        validation_rows=0,
        test_rows=200,
        rounds=1500,
        threshold=None,
        smoke=Smoke(rows=(), predictions=()),
        seconds=1.0,
        environment=environment({"num_leaves": 7, "num_threads": 2}),
    )


@pytest.fixture
def trained(contract: Protocol) -> Callable[[str], TrainedModel]:
    """The record of a model that a run (MLflow's id) has trained."""

    def record(run: str) -> TrainedModel:
        return TrainedModel(
            run=ids.run_id(run),
            tracking_run=run,
            model=ids.model_id(contract.name, contract.version, TREES),
            snapshot="snap_9f2c41ab77e0",
            datasource="parcels",
            text="models/x.txt",
            text_sha256="f" * 64,
            trees=TREES,
            metrics={"roc_auc": 0.8},
            train_rows=800,
            test_rows=200,
            smoke="models/x.smoke.json",
            lost=None,
            started="2026-03-01T00:00:00Z",
            seconds=1.0,
        )

    return record
