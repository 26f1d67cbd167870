"""A search in the flow: its trials are seen in Prefect and in MLflow."""

from __future__ import annotations

from typing import Any

from flows.train import train
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server
from tests.tiny_project import PROTOCOL

TRIALS = 3
SEARCH = f"""\
  search:
    ranges: {{learning_rate: {{low: 0.05, high: 0.3}}}}
    trials: {TRIALS}
    parallel: 2
"""


def test_trials_are_tasks_and_nested_runs(api: Server, workspace: Workspace) -> None:
    """Each trial is a task of its own and an MLflow run below the model's, whose parameters are the best trial's."""
    from mlflow import MlflowClient

    (workspace.protocols / "tiny.yaml").write_text(PROTOCOL.replace("training:\n", f"training:\n{SEARCH}"))
    state = train("tiny", return_state=True)
    assert state.is_completed(), state.message
    assert trial_tasks(api) == {f"trial-{number}": "Completed" for number in range(TRIALS)}
    client = MlflowClient(workspace.tracking)
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    (model,) = (run for run in runs if "pulse.trial" not in run.data.tags)
    trials = [run for run in runs if "pulse.trial" in run.data.tags]
    assert sorted(run.data.tags["pulse.trial"] for run in trials) == ["0", "1", "2"]
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {model.info.run_id}
    assert model.data.params["learning_rate"] in {run.data.params["learning_rate"] for run in trials}


def trial_tasks(api: Server) -> dict[str, Any]:
    """The trials among the task runs of the newest flow run, with the names of their states."""
    newest = api.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
    found = api.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [newest]}}})
    return {run["name"]: run["state"]["name"] for run in found if run["name"].startswith("trial")}
