"""``pulse up``: Prefect UI, MLflow UI, a worker and the runtime together, until ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli.output import facts, note
from pulse_blocks.errors import UnavailableError
from pulse_blocks.ui.links import MLFLOW_UI, PREFECT_UI

if TYPE_CHECKING:
    from pulse_blocks.cli.embedded import Running
    from pulse_blocks.cli.services import Service
    from pulse_blocks.settings import Workspace

_Port = typer.Option(
    help="A port of this machine; the usual one, or a free one, if left out.", min=1, max=65535
)


def up(
    prefect_port: Annotated[int | None, _Port] = None,
    mlflow_port: Annotated[int | None, _Port] = None,
    port: Annotated[int | None, _Port] = None,
) -> None:
    """Start the Prefect UI, the MLflow UI, a worker and the runtime together; ctrl-C stops them all."""
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import prefect_server

    workspace = settings.load()
    with stoppable():
        note("Starting the Prefect server ...")
        with (
            prefect_server(workspace, port=prefect_port) as server,
            running(workspace, server, mlflow_port=mlflow_port, port=port) as services,
        ):
            note(addresses(server, services))
            note("ctrl-C stops everything.")
            watch(services)


@contextlib.contextmanager
def running(
    workspace: Workspace, server: Running, *, mlflow_port: int | None = None, port: int | None = None
) -> Iterator[list[Service]]:
    """Everything around the Prefect server, ready, until the block ends."""
    from pulse_blocks.cli import stack

    names = served_names(workspace)
    note("Starting MLflow, the worker and the runtime, and registering the deployments ...")
    pages = {PREFECT_UI: server.ui, "PREFECT_API_URL": server.api}

    def mlflow() -> Service:
        service = stack.mlflow_ui(workspace, mlflow_port)
        pages[MLFLOW_UI] = service.url
        return service

    starts: list[Callable[[], Service]] = [
        mlflow,
        partial(stack.worker, workspace, server),
    ]
    if names:
        starts.append(lambda: stack.runtime(workspace, names, port, pages))
    services = stack.start_all(starts)
    try:
        stack.deploy(workspace, server)
        yield services
    finally:
        note("Stopping ...")
        stack.stop_all(services)


def served_names(workspace: Workspace) -> list[str]:
    """The models that have a champion."""
    from pulse_blocks.errors import PulseError
    from pulse_blocks.ledger import open_ledger

    try:
        with open_ledger(workspace.ledger) as ledger:
            return ledger.promoted_names()
    except PulseError as error:
        if error.code == "ledger.missing":
            return []
        raise


def addresses(server: Running, services: list[Service]) -> str:
    """Where to look, one line a service."""
    lines = [("Prefect", f"{server.ui}/v2")]
    lines += [(name[0].upper() + name[1:], s.url) for s in services for name in [s.name.removeprefix("The ")]]
    if all(service.name != "The runtime" for service in services):
        lines.append(
            ("Runtime", "not started: no model yet. Train one (pulse run NAME), then pulse up again.")
        )
    return facts(lines)


def watch(services: list[Service]) -> None:
    """Return never, unless a service ends by itself: then UnavailableError says which."""
    from pulse_blocks.cli.services import last_line

    while True:
        for service in services:
            if service.process.poll() is not None:
                raise UnavailableError(
                    "service.ended",
                    f"{service.name} has ended with exit code {service.process.returncode}: "
                    f"{last_line(service.log)}",
                    f"Its whole output is in {service.log}.",
                )
        time.sleep(0.5)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGTERM end the block as ctrl-C does, so that what was started is stopped."""

    def interrupt(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
