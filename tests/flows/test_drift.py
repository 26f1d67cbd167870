"""The drift flow on a real Prefect server: what people see, and the event that others hear."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from flows.drift import drift
from pulse_blocks.settings import Workspace
from tests import drifting_models
from tests.drifting_models import AFTER, WEEK, ask, rows
from tests.prefect_server import Server


@pytest.fixture
def drifting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A project whose champion was asked for two weeks what it was not trained for."""
    workspace = drifting_models.project(tmp_path / "drifting")
    monkeypatch.setenv("PULSE_ROOT", workspace.root)

    def heavier(draw: random.Random) -> float:
        return round(draw.uniform(30, 50), 2)

    ask(workspace, rows(200, weight=heavier), AFTER)
    ask(workspace, rows(200, seed=8, weight=heavier), AFTER + WEEK)
    return workspace


def test_drift_is_seen_and_heard(api: Server, drifting: Workspace) -> None:
    """The run is Completed as Drifted, with a summary and a table; its event is there, and says what to do."""
    state = drift("tiny", return_state=True)
    assert state.is_completed()
    assert state.name == "Drifted"
    result = state.result()
    assert result.verdict == "drifted"
    run = state.state_details.flow_run_id
    wanted = {"artifacts": {"flow_run_id": {"any_": [str(run)]}}}
    deadline = time.monotonic() + 30
    found: dict[str, str] = {}
    while time.monotonic() < deadline and len(found) < 2:
        found = {one["key"]: str(one["data"]) for one in api.post("/artifacts/filter", wanted)}
        time.sleep(0.3)
    assert "2 windows in a row have drifted." in found["pulse-tiny-drift"]
    assert "weight" in found["pulse-tiny-drift-columns"]
    events: list[dict[str, dict[str, str]]] = []
    while time.monotonic() < deadline and not events:
        heard = api.post(
            "/events/filter", {"filter": {"event": {"name": ["pulse.drift.detected"]}}, "limit": 20}
        )
        events = [event for event in heard["events"] if event["payload"]["check"] == result.check]
        time.sleep(0.3)
    assert events[0]["resource"]["prefect.resource.id"] == "pulse.model.tiny"
    assert events[0]["payload"]["action"] == "retrain"


def test_a_model_that_is_not_there_yet(api: Server, project: Path) -> None:
    """Every fifteen minutes a failed run would be noise: it is Skipped, and says why."""
    state = drift("tiny", return_state=True)
    assert (state.is_completed(), state.name) == (True, "Skipped")
    assert "has no model yet" in str(state.message)
