"""A run that is killed is gone on with by the same command: nothing twice, nothing half."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from pulse_blocks.snapshots.reading import all_snapshots
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import open_store
from tests.prefect_server import Server
from tests.tiny_project import environment, make_project

STAGES = ["ingest", "snapshot", "validate", "train", "store", "deploy"]

# A module of the project under test, imported by its flow: the process kills itself, for real, when a stage
# has done its work and the ledger does not know yet. That is the worst moment: everything is there but the note.
KILLER = """\
import os, signal
from pulse_blocks.ledger import Ledger

finish_stage = Ledger.finish_stage

def kill(self, attempt, stage, *rest):
    if stage == os.environ.get("KILL_IN"):
        os.kill(os.getpid(), signal.SIGKILL)
    finish_stage(self, attempt, stage, *rest)

Ledger.finish_stage = kill
"""


@pytest.fixture
def killable(tmp_path: Path) -> Path:
    """A project whose flow dies in the stage that KILL_IN names."""
    folder = make_project(tmp_path / "project")
    (folder / "flows" / "killer.py").write_text(KILLER)
    flow = folder / "flows" / "train.py"
    flow.write_text(flow.read_text().replace("from flows import tasks", "from flows import killer, tasks"))
    return folder


def run(folder: Path, server: Server, **env: str) -> subprocess.CompletedProcess[str]:
    """``pulse run tiny --json`` as a process."""
    return subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "run", "tiny", "--json"],
        cwd=folder,
        env=environment(folder, **server.env, **env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_a_stage_and_run_again(server: Server, killable: Path, stage: str) -> None:
    """After kill -9 in any stage the same command ends with one snapshot, one model version, one promotion."""
    killed = run(killable, server, KILL_IN=stage)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = run(killable, server)
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["promoted"]
    assert resumed_tasks(server) == STAGES[: STAGES.index(stage)]
    check_whole(killable, summary)


def resumed_tasks(server: Server) -> list[str]:
    """The stages that the newest flow run did not repeat."""
    newest = server.post("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 1})[0]["id"]
    found = server.post("/task_runs/filter", {"flow_runs": {"id": {"any_": [newest]}}})
    names = [run["name"].split("-")[0] for run in found if run["state"]["name"] == "Resumed"]
    return sorted(names, key=STAGES.index)


def check_whole(folder: Path, summary: dict[str, Any]) -> None:
    """One of each, belonging to each other, with nothing damaged."""
    from mlflow import MlflowClient

    workspace = settings.load(folder, environ={})
    store = open_store(workspace.store)
    snapshots = list(all_snapshots(store))
    assert [snapshot.id for snapshot in snapshots] == [summary["snapshot"]]
    assert verify(store, snapshots[0]).ok
    with open_ledger(workspace.ledger) as ledger:
        assert [promotion.model for promotion in ledger.promotions("tiny")] == [summary["model"]]
    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    versions = client.search_model_versions("name='tiny'")
    assert len(versions) == 1
    assert client.get_model_version_by_alias("tiny", "champion").version == versions[0].version
    experiment = client.get_experiment_by_name("tiny")
    assert len(client.search_runs([experiment.experiment_id])) == 1
