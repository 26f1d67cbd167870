"""MLflow is opened beside the fit: what it refuses ends the fit, and what it is told is whole."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.cli.ports import free_port
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking import Tracking
from pulse_blocks.training.process import discard
from tests import six_stages
from tests.killed_runs import descendants
from tests.tiny_project import PROTOCOL, make_project


def project(folder: Path, before: str, after: str) -> Workspace:
    """The tiny project with other words in its protocol."""
    assert before in PROTOCOL
    make_project(folder, PROTOCOL.replace(before, after))
    return settings.load(folder, environ={})


def test_mlflow_out_of_reach_ends_the_fit(tmp_path: Path) -> None:
    """Nobody trains for minutes what cannot be kept; the error is one that Prefect tries again after."""
    workspace = project(tmp_path / "project", "rounds: 20", "rounds: 100000")
    away = msgspec.structs.replace(workspace, tracking=f"http://127.0.0.1:{free_port()}")
    discard()
    before = set(descendants(os.getpid()))
    with pytest.raises(UnavailableError) as error:
        six_stages.run(away)
    assert error.value.code == "tracking.unavailable"
    assert not set(descendants(os.getpid())) - before


def test_a_refused_model_is_logged_whole(tmp_path: Path) -> None:
    """The run of a missed gate is Failed, says why, and holds every round and the card all the same."""
    workspace = project(tmp_path / "project", "at_least: 0.6", "at_least: 1.0")
    with pytest.raises(PulseError) as error:
        six_stages.run(workspace)
    client = Tracking(workspace)._client
    (experiment,) = [one for one in client.search_experiments() if one.name == "tiny"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.tags["pulse.error"] == str(error.value)
    assert run.data.tags["pulse.memory"]
    (history,) = {
        tuple(one.step for one in client.get_metric_history(run.info.run_id, name))
        for name in run.data.metrics
        if name.startswith("rounds/")
    }
    assert history == tuple(range(1, 21))
    files = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert files >= {"model_card.md", "model_card.html", "importance.png", "protocol.yaml"}
