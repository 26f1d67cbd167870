"""The flow as a deployment: registered from prefect.yaml, run by a process worker, with its block."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pulse_blocks import settings
from pulse_blocks.cli import stack
from pulse_blocks.cli.embedded import Running
from pulse_blocks.cli.scaffold import project_files
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server
from tests.tiny_project import ROOT, environment, pulse

PREFECT_YAML = """\
name: tiny
deployments:
  - name: tiny
    entrypoint: flows.train.train
    parameters: {protocol: tiny}
    work_pool: {name: pulse}
"""


def test_a_deployment_run_trains_and_promotes(
    server: Server, project: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`prefect deployment run --watch` on a process work pool ends Completed, with a champion in the ledger."""
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    (project / "prefect.yaml").write_text(PREFECT_YAML)
    running = Running(api=server.api, ui=server.api.removesuffix("/api"))
    worker = stack.worker(workspace, running)
    try:
        stack.deploy(workspace, running)
        worker.wait_ready()
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "deployment", "run", "train/tiny", "--watch"],
            env=environment(project, **server.env),
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    finally:
        worker.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.champion("tiny") is not None
    blocks = server.post("/block_documents/filter", {})
    assert ("pulse-workspace", "default") in [(b["block_type"]["slug"], b["name"]) for b in blocks]


@pytest.mark.long
def test_runs_work_in_the_workspace_that_deployed_them(
    server: Server, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker knows nothing of workspaces: pipeline, training step and automations go where the deployment says.

    Another workspace cannot take the same deployments over.
    """
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    (project / "prefect.yaml").write_text(PREFECT_YAML.replace("name: tiny\n", "name: aside\n"))
    assert pulse(project, "workspace", "create", "dev").returncode == 0
    file = project / ".pulse" / settings.FILE
    table = "[workspaces.dev]\n"
    file.write_text(file.read_text().replace(table, f'{table}training_pool = "pulse"\n'))
    default, dev = (settings.load(project, environ={}, name=name) for name in ("default", "dev"))
    running = Running(api=server.api, ui=server.api.removesuffix("/api"))
    worker = stack.worker(default, running)
    try:
        deployed = pulse(project, "--workspace", "dev", "deploy", **server.env)
        assert deployed.returncode == 0, deployed.stderr
        worker.wait_ready()
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "deployment", "run", "train/aside", "--watch"],
            env=environment(project, **server.env), capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
    finally:
        worker.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    with open_ledger(dev.ledger) as ledger:
        champion = ledger.champion("tiny")
        assert champion is not None
        assert champion.attempt is not None
        assert ledger.steps(champion.attempt)
    assert not (project / ".pulse" / "ledger.db").exists()
    refused = pulse(project, "deploy", **server.env)
    assert refused.returncode == 1
    assert "aside on this Prefect server runs in the workspace dev, not in default" in refused.stderr


def test_a_worker_of_a_project_asks_every_two_seconds(tmp_path: Path) -> None:
    """By prefect.toml, which Prefect reads in the folder that it is started in; a new project has this repository's."""
    made = project_files("shop")["prefect.toml"]
    assert made == (ROOT / "prefect.toml").read_text()
    (tmp_path / "prefect.toml").write_text(made)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "config", "view", "--show-sources"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "PREFECT_WORKER_QUERY_SECONDS='1' (from prefect.toml)" in done.stdout


def test_prefect_yaml_says_what_the_protocols_say() -> None:
    """Every protocol of this repository has a deployment, on the schedule that the protocol asks for."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    training = [one for one in deployments if one["entrypoint"] == "flows.train.train"]
    by_name = {one["parameters"]["protocol"]: one for one in training if "parameters" in one}
    for path in (ROOT / "protocols").glob("*.yaml"):
        protocol = loading.load(path)
        crons = [schedule["cron"] for schedule in by_name[protocol.name].get("schedules", [])]
        assert crons == ([protocol.training.schedule] if protocol.training.schedule else []), path


def test_the_parameter_form_explains_itself(api: Server) -> None:
    """The schema behind the form in the Prefect UI describes every parameter."""
    from flows.train import train

    schema = json.loads(json.dumps(train.parameters.model_dump()))
    assert set(schema["properties"]) == {"protocol", "start", "end", "cause", "fresh"}
    assert all(one["description"] for one in schema["properties"].values())
    assert schema["required"] == ["protocol"]
