"""Training as a step of its own on a process pool: a real server, a real worker, processes that come and go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.cli.ports import any_port
from pulse_blocks.cli.services import Service
from pulse_blocks.ledger import open_ledger
from pulse_blocks.records import TrainedModel, from_json
from tests.killed_runs import descendants, training_processes
from tests.prefect_server import Server
from tests.tiny_project import PROTOCOL, environment, make_project, pulse
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
POOL = "trainers"


def with_training(text: str) -> str:
    """The tiny protocol with more below `training`."""
    return PROTOCOL.replace("training:\n", f"training:\n  {text}\n")


@pytest.fixture(scope="module")
def project(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose workspace names the pool, registered with the server."""
    folder = make_project(tmp_path_factory.mktemp("pool") / "project")
    path = folder / ".pulse" / settings.FILE
    path.write_text(f'training_pool = "{POOL}"\n{path.read_text()}')
    done = subprocess.run(
        [sys.executable, "-m", "pulse_blocks.blocks.setup", POOL],
        env=environment(folder, **server.env, PYTHONPATH=str(folder)),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def worker(server: Server, project: Path) -> Iterator[Service]:
    """A worker of the pool that looks for work each second."""
    health = any_port()
    service = Service(
        "The worker",
        [
            sys.executable,
            "-m",
            "prefect",
            "worker",
            "start",
            "--pool",
            POOL,
            "--type",
            "process",
            "--with-healthcheck",
        ],
        log=project / "worker.log",
        env={
            **environment(project, **server.env, PYTHONPATH=str(project)),
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(health.number),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        },
        url="",
        ready=f"http://127.0.0.1:{health.number}/health",
        port=health,
    )
    try:
        service.wait_ready()
        yield service
    finally:
        service.stop()


def start(project: Path, server: Server, protocol: str = PROTOCOL, *more: str) -> subprocess.Popen[str]:
    """`pulse run tiny` as a process."""
    (project / "protocols" / "tiny.yaml").write_text(protocol)
    return subprocess.Popen(
        [sys.executable, "-m", "pulse_blocks", "run", "tiny", "--json", *more],
        cwd=project,
        env=environment(project, **server.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps(server: Server) -> list[dict[str, Any]]:
    """The flow runs of the training step, the newest first."""
    wanted = {"flows": {"name": {"any_": ["train-model"]}}, "sort": "EXPECTED_START_TIME_DESC"}
    return list(server.post("/flow_runs/filter", wanted))


def trained(project: Path, run: str) -> TrainedModel:
    """The record of a run's train stage."""
    with open_ledger(settings.load(project, environ={}).ledger) as ledger:
        return from_json(ledger.stage_rows(run, "train")[-1].record, TrainedModel)


def test_a_step_on_the_pool_with_more_memory_in_the_end(
    server: Server, project: Path, worker: Service
) -> None:
    """Nothing runs before and after; the step runs out of memory, is started again with twice as much, and says so."""
    assert descendants(worker.pid) == []
    said = json.loads(pulse(project, "infra", "check", "--json", **server.env).stdout)
    assert said["ok"], said
    process = start(project, server, with_training('resources: {memory: "150MiB", ceiling: "2GiB"}'))
    assert until(lambda: bool(training_processes(worker.pid)), 240)
    assert training_processes(process.pid) == []
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    summary = json.loads(out)
    second, first = steps(server)[:2]
    assert (first["state"]["name"], second["state"]["name"]) == ("OutOfMemory", "Completed")
    assert second["state"]["message"] == "Trained with 300MiB of memory; 150MiB had not been enough."
    assert trained(project, summary["run"]).memory == ("150MiB", "300MiB")
    assert until(lambda: descendants(worker.pid) == [], 30)


def test_a_killed_step_is_started_again_and_a_cancelled_pipeline_takes_its_step_along(
    server: Server, project: Path, worker: Service
) -> None:
    """Kill -9 of the step: Crashed, and tried again whole. Cancelling the pipeline ends its step too."""
    slow = with_training("rounds: 100000").replace("  rounds: 20\n", "")
    process = start(project, server, slow)
    assert until(lambda: bool(training_processes(worker.pid)), 240)
    before = len(steps(server))
    (step,) = descendants(worker.pid)[:1]
    os.kill(step, signal.SIGKILL)
    assert until(lambda: len(steps(server)) == before + 1, 240, 0.5)
    assert steps(server)[1]["state"]["name"] == "Crashed"
    assert until(lambda: bool(training_processes(worker.pid)), 240)
    pipeline = server.post(
        "/flow_runs/filter", {"sort": "START_TIME_DESC", "flows": {"name": {"any_": ["train"]}}}
    )[0]
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": True}
    server.post(f"/flow_runs/{pipeline['id']}/set_state", cancelling)
    process.kill()  # as a worker of the pipeline would
    process.wait()
    assert until(lambda: descendants(worker.pid) == [], 60)
    assert until(lambda: steps(server)[0]["state"]["type"] == "CANCELLED", 30, 0.5)


def test_a_killed_pipeline_finds_its_step_again(server: Server, project: Path, worker: Service) -> None:
    """The step goes on; the same command waits for it instead of starting another."""
    protocol = with_training("rounds: 4000").replace("  rounds: 20\n", "")
    process = start(project, server, protocol)
    assert until(lambda: bool(training_processes(worker.pid)), 240)
    before = len(steps(server))
    process.kill()
    process.wait()
    again = start(project, server, protocol)
    out, err = again.communicate(timeout=400)
    assert again.returncode == 0, err
    assert len(steps(server)) == before
    assert trained(project, json.loads(out)["run"]).metrics
