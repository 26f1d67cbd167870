"""A Prefect server that is away for a while: what is under way goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from pulse_blocks import settings
from pulse_blocks.blocks import artifacts, fitting, steps, training_step
from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.progress import Progress
from pulse_blocks.protocol import loading
from pulse_blocks.stages.context import Context
from tests import six_stages


@pytest.fixture
def no_server() -> Iterator[None]:
    """Prefect's API at an address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}/api"
        with temporary_settings({PREFECT_API_URL: address, PREFECT_CLIENT_MAX_RETRIES: 0}):
            yield


@pytest.mark.usefixtures("no_server")
def test_progress_that_cannot_be_shown_ends_nothing() -> None:
    """A report raises nothing, so that the fit which reports is not ended by it."""
    bar = artifacts._Bar(uuid4(), artifacts.overall_percent)
    bar.hear(Progress("train", 1, 2, "round 1 of 2"))


def test_a_step_goes_on_saying_that_it_lives(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats are in the ledger, whether or not the server can be asked if the pipeline was cancelled."""
    workspace = settings.load(project, environ={})
    migrate(workspace.ledger)
    me, pipeline = str(uuid4()), str(uuid4())
    monkeypatch.setattr(steps, "this_run", lambda: me)
    # Settings of this thread, an address without a server among them, do not hold for the one that beats.
    monkeypatch.setattr(steps, "state_of", away)
    monkeypatch.setattr(fitting, "_HEARTBEAT_SECONDS", 0.05)
    with open_ledger(workspace.ledger) as ledger:
        attempt = ledger.begin("tiny", "step").id
        ledger.begin_step(me, attempt, pipeline, "512MiB")

        def last() -> int:
            return ledger.steps(attempt)[0].heartbeat or 0

        with fitting._alive(workspace):
            heard, deadline = set(), time.monotonic() + 60
            while len(heard) < 4 and time.monotonic() < deadline:
                heard.add(last())
                time.sleep(0.05)
    assert len(heard) == 4


def away(_: str) -> None:
    raise httpx.ConnectError("All connection attempts failed")


@pytest.mark.usefixtures("no_server")
def test_who_waits_for_a_step_waits_for_the_server(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away nobody knows whether the step has ended; after too long one sentence says what to do."""
    workspace = settings.load(project, environ={"PULSE_TRAINING_POOL": "pool"})
    outcome = six_stages.run(workspace)
    protocol = loading.load(loading.find(workspace, "tiny"))
    context = Context(protocol=protocol, workspace=workspace, window=None, attempt="attempt_x")
    waiting = training_step.OnPool(outcome.data, context)
    assert not waiting._ended(str(uuid4()))
    monkeypatch.setattr(training_step, "_ABSENCE_SECONDS", 0.0)
    with pytest.raises(UnavailableError, match="has not answered") as told:
        waiting._ended(str(uuid4()))
    assert told.value.code == "training.no_server"
