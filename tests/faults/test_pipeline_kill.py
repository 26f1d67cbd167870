"""kill -9 at random moments of the six stages, of everything that takes part, then the same command again."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.cli.ports import free_port
from pulse_blocks.cli.services import Service
from tests.killed_runs import check_whole, descendants, run, training_processes
from tests.prefect_server import Server
from tests.tiny_project import environment, make_project
from tests.waiting import until

FULL = os.environ.get("PULSE_FAULTS") == "full"
pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]
ROUNDS = 10 if FULL else 1
# Beyond this a run whose server was killed is ended too: Prefect's client tries for minutes.
_PATIENCE = 20.0


class Killable:
    """A server that can be killed and started again on the same port, with the same data."""

    def __init__(
        self,
        folder: Path,
        argv: Callable[[int], list[str]],
        health: str,
        env: dict[str, str],
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder, self._argv, self._health, self._env = folder, argv(self.port), health, env
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._service = Service(
            "A server",
            [sys.executable, "-m", *self._argv],
            log=self._folder / f"{self._argv[0]}.log",
            env=self._env,
            url=self.url,
            ready=f"{self.url}{self._health}",
        )
        self._service.wait_ready(180)

    def kill(self, *, alone: bool = False) -> None:
        """End it without a word, and what it has started too unless ``alone``."""
        below = [] if alone else descendants(self._service.pid)
        if not alone:
            os.killpg(self._service.pid, signal.SIGKILL)
        for pid in (self._service.pid, *below):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._service.process.wait()


@pytest.fixture(scope="module")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """A Prefect server of this module's own."""
    folder = tmp_path_factory.mktemp("prefect")
    env = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    server = Killable(
        folder,
        lambda port: ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        "/api/health",
        env,
    )
    yield server
    server.kill()


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killable]:
    """An MLflow server of this module's own."""
    folder = tmp_path_factory.mktemp("mlflow")
    server = Killable(
        folder,
        lambda port: [
            *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
            *(
                "--backend-store-uri",
                f"sqlite:///{folder}/mlflow.db",
                "--artifacts-destination",
                str(folder / "files"),
            ),
        ],
        "/health",
        {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"},
    )
    yield server
    server.kill()


@contextlib.contextmanager
def pool_worker(folder: Path, pool: str, env: dict[str, str]) -> Iterator[Killable]:
    """A process pool for the project's training, and its worker, which looks for work each second."""
    path = folder / ".pulse" / settings.FILE
    path.write_text(f'training_pool = "{pool}"\n{path.read_text()}')
    env = {**environment(folder, **env, PYTHONPATH=str(folder)), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    setup = [sys.executable, "-m", "pulse_blocks.blocks.setup", pool]
    subprocess.run(setup, cwd=folder, env=env, check=True, capture_output=True, timeout=120)
    port = free_port()
    env |= {"PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1", "PREFECT_WORKER_WEBSERVER_PORT": str(port)}
    argv = ["prefect", "worker", "start", "--pool", pool, "--type", "process", "--with-healthcheck"]
    worker = Killable(folder, lambda _: argv, "/health", env, port)
    try:
        yield worker
    finally:
        worker.kill()


def kill_training(pid: int) -> None:
    """Kill -9 of a run's training processes, where it has one now."""
    for child in training_processes(pid):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.kill(child, signal.SIGKILL)


def project(folder: Path, name: str, tracking: str | None) -> Path:
    """The tiny project with a protocol of another name, and MLflow at an address where one is given."""
    make_project(folder)
    protocol = folder / "protocols" / "tiny.yaml"
    (folder / "protocols" / f"{name}.yaml").write_text(
        protocol.read_text().replace("name: tiny", f"name: {name}")
    )
    protocol.unlink()
    if tracking:
        path = folder / ".pulse" / settings.FILE
        path.write_text(f'tracking = "{tracking}"\n{path.read_text()}')
    return folder


def started(folder: Path, name: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """`pulse run` as a process whose ledger is there: before that nothing could be left half done."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pulse_blocks", "run", name, "--json"],
        cwd=folder,
        env=environment(folder, **env),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: (folder / ".pulse" / "ledger.db").exists() or process.poll() is not None, 120, 0.01)
    return process


@pytest.mark.parametrize("target", ["flow", "training", "prefect", "mlflow"])
def test_killed_at_any_moment(
    prefect: Killable,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tell: Callable[[str, str, str], None],
    target: str,
) -> None:
    """Whatever dies, and whenever: the same command ends with one snapshot, one model version, one promotion."""
    draw = random.Random(f"20260115 {target}")  # noqa: S311  moments, not secrets
    server = Server(f"{prefect.url}/api", {"PREFECT_API_URL": f"{prefect.url}/api", "DO_NOT_TRACK": "1"})
    # Of the others an MLflow in a file of the project's own is enough.
    mlflow: Killable | None = request.getfixturevalue("mlflow") if target == "mlflow" else None
    for number in range(ROUNDS):
        name = f"tiny-{target}-{number}"
        folder = project(tmp_path / f"project-{number}", name, mlflow.url if mlflow else None)
        process = started(folder, name, server.env)
        time.sleep(draw.uniform(0, 9))
        killed = {"prefect": prefect, "mlflow": mlflow}.get(target)
        if killed:
            killed.kill()
        elif target == "training":
            kill_training(process.pid)
        else:
            process.kill()
        ended(process)
        if killed:
            killed.start()
        again = run(folder, server, name)
        assert again.returncode == 0, again.stderr
        check_whole(folder, json.loads(again.stdout), name)
    tell(f"`kill -9` of the {target} in a whole run", f"{ROUNDS} times", "each run again: one of everything")


def test_the_worker_killed_at_any_moment(
    prefect: Killable, tmp_path: Path, tell: Callable[[str, str, str], None]
) -> None:
    """A worker that dies, alone or with the step that it has started, and comes back: one of everything as well."""
    draw = random.Random("20260115 worker")  # noqa: S311  moments, not secrets
    server = Server(f"{prefect.url}/api", {"PREFECT_API_URL": f"{prefect.url}/api", "DO_NOT_TRACK": "1"})
    for number in range(ROUNDS):
        name = f"tiny-worker-{number}"
        folder = project(tmp_path / f"project-{number}", name, None)
        with pool_worker(folder, f"trainers-{number}", server.env) as worker:
            process = started(folder, name, server.env)
            time.sleep(draw.uniform(0, 25))
            worker.kill(alone=number % 2 == 0)
            ended(process)
            worker.start()
            again = run(folder, server, name, timeout=400)
            assert again.returncode == 0, again.stderr
            check_whole(folder, json.loads(again.stdout), name)
    how = f"{ROUNDS} times, every second time with the step that it ran"
    tell(
        "`kill -9` of the worker of the pool that trains",
        how,
        "started again, the run again: one of everything",
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run whose surroundings were killed, and no longer than is worth it."""
    until(lambda: process.poll() is not None, _PATIENCE, 0.1)
    process.kill()
    process.wait()
