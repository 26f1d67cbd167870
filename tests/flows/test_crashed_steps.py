"""A training step whose container dies: platforms do not hand on that it was killed for memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Crashed

from pulse_blocks import settings
from pulse_blocks.blocks.training_step import OnPool
from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.stages.context import Context
from pulse_blocks.training.process import OutOfMemoryError
from tests import six_stages
from tests.prefect_server import Server

# As prefect-aws and prefect-kubernetes say it.
SAID = [
    "The following containers stopped with a non-zero exit code: ['prefect']",
    "No active or succeeded pods found for any job",
]


@flow
def step() -> None:
    """Stands for a flow run that was started on a pool; it never runs."""


def crashed(said: str) -> str:
    """A flow run that has died."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(step)
        client.set_flow_run_state(run.id, Crashed(message=said), force=True)
    return str(run.id)


@pytest.fixture
def waiting(api: Server, project: Path) -> Callable[[str], OnPool]:
    """What waits for steps on a pool of a kind."""
    outcome = six_stages.run(settings.load(project, environ={}))

    def made(kind: str) -> OnPool:
        name = f"{kind}-{project.parent.name}"
        with get_client(sync_client=True) as client:
            client.create_work_pool(WorkPoolCreate(name=name, type=kind))
        workspace = msgspec.structs.replace(settings.load(project, environ={}), training_pool=name)
        protocol = loading.load(loading.find(workspace, "tiny"))
        with open_ledger(workspace.ledger) as ledger:
            attempt = ledger.begin("tiny", name).id
        return OnPool(
            outcome.data, Context(protocol=protocol, workspace=workspace, window=None, attempt=attempt)
        )

    return made


def died(waiting: OnPool, memory: str, said: str) -> None:
    """A step with so much memory ends; raises what becomes of it."""
    run = crashed(said)
    with open_ledger(waiting._context.workspace.ledger) as ledger:
        ledger.begin_step(run, waiting._context.attempt, run, memory)
    waiting._result(run)


@pytest.mark.parametrize("said", SAID)
def test_a_container_that_dies_twice_gets_more_memory(waiting: Callable[[str], OnPool], said: str) -> None:
    """Once it is started again as it was; twice with the same memory it counts as too little."""
    steps = waiting("ecs")
    with pytest.raises(UnavailableError, match="ended as Crashed"):
        died(steps, "512MiB", said)
    with pytest.raises(OutOfMemoryError, match="has died twice"):
        died(steps, "512MiB", said)
    with pytest.raises(UnavailableError):
        died(steps, "512MiB, 1GiB", said)


def test_a_process_says_what_killed_it(waiting: Callable[[str], OnPool]) -> None:
    """On a pool of processes a second crash is one more crash."""
    steps = waiting("process")
    for _ in range(3):
        with pytest.raises(UnavailableError):
            died(steps, "512MiB", "Flow run process exited with status code: -9")
