"""A run that is killed is gone on with by the same command: nothing twice, nothing half."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.killed_runs import check_whole, run
from tests.prefect_server import Server

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
def killable(project: Path) -> Path:
    """A project whose flow dies in the stage that KILL_IN names."""
    (project / "flows" / "killer.py").write_text(KILLER)
    flow = project / "flows" / "train.py"
    flow.write_text(flow.read_text().replace("from flows import tasks", "from flows import killer, tasks"))
    return project


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
