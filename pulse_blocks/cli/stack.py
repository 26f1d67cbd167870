"""The services around an embedded project: MLflow's UI, a worker, the runtime. The Prefect server is apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from pulse_blocks.cli.embedded import Running, environment
from pulse_blocks.cli.ports import any_port, choose_port
from pulse_blocks.cli.services import Service, last_line
from pulse_blocks.errors import PulseError
from pulse_blocks.settings import VARIABLE, Workspace

POOL = "pulse"


def client_environment(workspace: Workspace, server: Running) -> dict[str, str]:
    """What a Prefect client of this project runs with; nothing of it where Prefect is configured already."""
    # The project's flows are found by name, whatever folder a process is started in.
    path = os.pathsep.join(filter(None, [workspace.root, os.environ.get("PYTHONPATH")]))
    found = {"PYTHONPATH": path, **this_workspace(workspace)}
    return {**found, **environment(workspace, server.api)} if server.pid is not None else found


def this_workspace(workspace: Workspace) -> dict[str, str]:
    """What tells a process of its own which workspace it works in, whatever the file's `current` says later."""
    return {"PULSE_ROOT": workspace.root, VARIABLE: workspace.name}


def deploy(workspace: Workspace, server: Running) -> None:
    """Register Pulse's blocks, every deployment of prefect.yaml, and the automations that start them.

    Raises PulseError with Prefect's own words.
    """
    log = workspace.folder / "logs" / "deploy.log"
    prepared = workspace.folder / "run" / "prefect.yaml"
    log.parent.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, **client_environment(workspace, server)}
    for argv, what in (
        (
            [sys.executable, "-m", "pulse_blocks.blocks.setup", POOL, str(prepared)],
            "the deployments in prefect.yaml",
        ),
        (
            [
                sys.executable,
                "-m",
                "prefect",
                "--no-prompt",
                "deploy",
                "--all",
                "--prefect-file",
                str(prepared),
            ],
            "the deployments in prefect.yaml",
        ),
        (
            [sys.executable, "-m", "pulse_blocks.blocks.automations", workspace.root],
            "the automations in deployments/automations",
        ),
    ):
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603 (argv is built here, no shell)
                argv, cwd=workspace.root, env=env, stdout=output, stderr=output, check=False
            )
        if done.returncode != 0:
            raise PulseError(
                "deploy.failed",
                f"Prefect refused {what}: {last_line(log)}",
                f"The whole output is in {log}.",
            )


def mlflow_ui(workspace: Workspace, port: int | None = None) -> Service:
    """MLflow's server over the workspace's own database."""
    chosen = choose_port(port, 5000, "MLflow")
    url = f"http://127.0.0.1:{chosen.number}"
    return Service(
        "MLflow",
        _module(
            "mlflow",
            "server",
            host="127.0.0.1",
            port=str(chosen.number),
            workers="1",
            backend_store_uri=workspace.tracking,
            default_artifact_root=workspace.artifacts,
        ),
        log=workspace.folder / "logs" / "mlflow.log",
        # The job runners cost gigabytes of memory, and nothing here starts such jobs.
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"},
        url=url,
        ready=f"{url}/health",
        port=chosen,
    )


def worker(workspace: Workspace, server: Running) -> Service:
    """A process worker of the pool ``pulse``."""
    health = any_port()
    return Service(
        "The worker",
        _module(
            "prefect", "worker", "start", "--with-healthcheck", pool=POOL, type="process", name="pulse-up"
        ),
        log=workspace.folder / "logs" / "worker.log",
        env={
            **client_environment(workspace, server),
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(health.number),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        },
        url=f"{server.ui}/v2/work-pools/work-pool/{POOL}",
        ready=f"http://127.0.0.1:{health.number}/health",
        port=health,
    )


def runtime(
    workspace: Workspace,
    names: list[str],
    port: int | None = None,
    pages: Mapping[str, str] | None = None,
) -> Service:
    """The inference runtime for these models. ``pages`` is the environment that tells it where the others are."""
    chosen = choose_port(port, 8080, "the runtime")
    url = f"http://127.0.0.1:{chosen.number}"
    return Service(
        "The runtime",
        [sys.executable, "-m", "pulse_blocks", "serve", *names, "--port", str(chosen.number)],
        log=workspace.folder / "logs" / "runtime.log",
        env={**this_workspace(workspace), **(pages or {})},
        url=f"{url}/ui/",
        ready=f"{url}/readyz",
        port=chosen,
    )


def _module(module: str, /, *words: str, **options: str) -> list[str]:
    """``python -m MODULE words --option value ...``."""
    flags = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", value)]
    return [sys.executable, "-m", module, *words, *flags]


def start_all(starts: Sequence[Callable[[], Service]]) -> list[Service]:
    """Start services side by side and wait until each is ready. Where one fails, all are stopped again."""
    services: list[Service] = []
    try:
        services.extend(start() for start in starts)
        for service in services:
            service.wait_ready()
    except BaseException:
        stop_all(services)
        raise
    return services


def stop_all(services: list[Service]) -> None:
    """Stop services, the last one started first."""
    for service in reversed(services):
        service.stop()
