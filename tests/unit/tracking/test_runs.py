"""Runs in a real MLflow: one for each attempt, with everything that was promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.spec import Protocol, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking import Tracking
from pulse_blocks.training import Fitted

HASH = "9f2c41ab77e0" + 52 * "a"
SNAPSHOT = "snap_9f2c41ab77e0"


def opened(tracking: Tracking, contract: Protocol, attempt: str = "attempt-1") -> str:
    return tracking.open_run(contract, SNAPSHOT, HASH, "parcels", attempt)


def test_run_says_where_it_comes_from(tracked: Workspace, contract: Protocol) -> None:
    """A run carries its lineage as tags, and the snapshot as its dataset with a digest of all rows."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract)
    run = tracking._client.get_run(run_id)
    assert run.info.status == "RUNNING"
    ours = {key: value for key, value in run.data.tags.items() if key.startswith("pulse.")}
    assert ours == {
        "pulse.run": f"run_{run_id[:12]}",
        "pulse.snapshot": SNAPSHOT,
        "pulse.snapshot.hash": HASH,
        "pulse.datasource": "parcels",
        "pulse.protocol": "small 1.0.0",
        "pulse.protocol.digest": contract.digest,
        "pulse.attempt": "attempt-1",
    }
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == (SNAPSHOT, HASH[:36])


def test_same_attempt_same_run(tracked: Workspace, contract: Protocol) -> None:
    """An attempt that is repeated, in whatever state its run was left, resumes it; another makes another."""
    tracking = Tracking(tracked)
    first = opened(tracking, contract)
    tracking.fail(first, "killed")
    assert opened(Tracking(tracked), contract) == first
    assert tracking._client.get_run(first).info.status == "RUNNING"
    assert len(tracking._client.get_run(first).inputs.dataset_inputs) == 1
    assert opened(tracking, contract, "attempt-2") != first


def test_training_is_logged_once(
    tracked: Workspace, contract: Protocol, fitted: Fitted, tmp_path: Path
) -> None:
    """Parameters, metrics of the end and of every round, plot and protocol; a repetition adds nothing."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract)
    file = tmp_path / "anything.yaml"
    file.write_text("pulse: 1\n")
    for _ in range(2):
        tracking.log_training(run_id, contract, fitted, file)
    tracking.finish(run_id)
    client = tracking._client
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["pulse.model"] == "small@1.0.0-3fa94c1"
    assert run.data.metrics["roc_auc"] == 0.8
    assert run.data.params["num_leaves"] == "7"
    assert run.data.params["rounds"] == "10"
    history = client.get_metric_history(run_id, "rounds/auc")
    assert [metric.value for metric in sorted(history, key=lambda m: m.step)] == list(fitted.history["auc"])
    folder = Path(tracked.artifacts) / "small" / run_id / "artifacts"
    assert {path.name for path in folder.iterdir()} == {
        "environment.json",
        "importance.json",
        "importance.png",
        "protocol.json",
        "protocol.yaml",
    }
    assert json.loads((folder / "environment.json").read_bytes())["threads"] == 2
    assert run.data.tags["pulse.environment.lightgbm"] == fitted.environment.packages["lightgbm"]
    assert (folder / "importance.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "protocol.json").read_bytes() == to_json(contract)
    assert (folder / "protocol.yaml").read_text() == "pulse: 1\n"


def test_failed_run_says_why(tracked: Workspace, contract: Protocol) -> None:
    """A failed run holds the sentence, cut to what a tag can hold."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract)
    tracking.fail(run_id, "roc_auc 0.6412 is below the gate 0.70. " * 500)
    run = tracking._client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.data.tags["pulse.error"].startswith("roc_auc 0.6412 is below the gate 0.70.")


def test_deleted_experiment_comes_back(tracked: Workspace, contract: Protocol) -> None:
    """Someone who deletes the experiment in MLflow's pages does not stop training for ever."""
    tracking = Tracking(tracked)
    opened(tracking, contract)
    client = tracking._client
    client.delete_experiment(client.get_experiment_by_name("small").experiment_id)
    assert opened(tracking, contract, "attempt-2")


def test_unknown_run(tracked: Workspace) -> None:
    """What MLflow refuses comes out in one line as our error."""
    with pytest.raises(PulseError, match="refuses") as refusal:
        Tracking(tracked).finish("0" * 32)
    assert refusal.value.code == "tracking.refused"


def test_server_out_of_reach(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracking server that does not answer is an UnavailableError that names it."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = msgspec.structs.replace(workspace, tracking="http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"MLflow at http://127.0.0.1:9 is out of reach"):
        Tracking(away)


def test_artifacts_out_of_reach(tracked: Workspace, contract: Protocol, fitted: Fitted) -> None:
    """An artifact store that cannot be written is an UnavailableError, and the run can be resumed."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract)
    Path(tracked.artifacts).write_text("in the way")
    with pytest.raises(UnavailableError):
        tracking.log_training(run_id, contract, fitted)
    Path(tracked.artifacts).unlink()
    tracking.log_training(run_id, contract, fitted)


OPEN = """
import json, sys, pathlib
from pulse_blocks import settings
from pulse_blocks.tracking import Tracking
from tests import small_data
tracking = Tracking(settings.load(pathlib.Path(sys.argv[1]), environ={}))
print(json.dumps(tracking.open_run(small_data.protocol(), "snap_1", "1" * 64, "parcels", "same")))
"""


def test_two_processes_on_a_new_file(workspace: Workspace) -> None:
    """Two processes that open a fresh SQLite file at once both work, quietly, and share the attempt's run."""
    command = [sys.executable, "-c", OPEN, workspace.root]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    assert [stderr for _, stderr in results] == ["", ""]
    assert len({json.loads(stdout) for stdout, _ in results}) == 1
