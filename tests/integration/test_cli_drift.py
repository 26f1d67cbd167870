"""``pulse drift`` as a process: its JSON, its table, its exit codes, what it leaves behind."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests import drifting_models
from tests.drifting_models import AFTER, WEEK, ask, rows
from tests.tiny_project import pulse


@pytest.fixture
def drifting(tmp_path: Path) -> Workspace:
    """A project whose champion has answered nothing yet."""
    return drifting_models.project(tmp_path / "project")


def heavier(draw: random.Random) -> float:
    """Weights from another place."""
    return round(draw.uniform(30, 50), 2)


def test_drift_from_the_terminal(drifting: Workspace) -> None:
    """Calm is 0; drift is 1, with the reasons, a row and an event in the ledger and Evidently's page in MLflow."""
    folder = Path(drifting.root)
    ask(drifting, rows(300, weight=heavier), AFTER)
    ask(drifting, rows(300, seed=8, weight=heavier), AFTER + WEEK)
    ask(drifting, rows(300, seed=9), AFTER + 3 * WEEK)
    calm = pulse(folder, "drift", "tiny")
    assert calm.returncode == 0, calm.stderr
    assert "Verdict  calm" in calm.stdout
    assert "█" in calm.stdout
    done = pulse(folder, "drift", "tiny", "--window-end", "2026-03-15T00:00:00Z", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["drift"], found["verdict"]) == (True, "drifted")
    assert set(found["features"]["weight"]) >= {"score", "threshold", "drifted"}
    assert found["features"]["weight"]["drifted"]
    assert found["reasons"][-1] == "2 windows in a row have drifted."
    assert "Drift in column" in Path(found["report"]).read_text()
    with open_ledger(drifting.ledger) as ledger:
        kept = ledger.drift_check(found["check"])
        assert kept is not None
        assert (kept.verdict, kept.rows, kept.report) == ("drifted", 300, found["report"])
        (event,) = [event for event in ledger.unsent() if event.event == "pulse.drift.detected"]
        assert event.payload["check"] == found["check"]


def test_another_process_neither_forgets_nor_repeats(drifting: Workspace) -> None:
    """Persistence and cooldown are in the ledger: the next process cools down, whatever zone the end is given in."""
    folder = Path(drifting.root)
    for number in range(2):
        ask(drifting, rows(200, seed=number, weight=heavier), AFTER + number * WEEK)
    verdicts, windows = [], set()
    for end in ("2026-03-15T00:00:00Z", "2026-03-15T09:00:00+09:00"):
        done = pulse(folder, "drift", "tiny", "--window-end", end, "--json")
        assert done.returncode == 1, done.stderr
        found = json.loads(done.stdout)
        verdicts.append(found["verdict"])
        windows.add((found["window_start"], found["window_end"]))
    assert verdicts == ["drifted", "cooling"]
    assert windows == {("2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z")}
    with open_ledger(drifting.ledger) as ledger:
        assert [event.event for event in ledger.unsent()].count("pulse.drift.detected") == 1


def test_what_cannot_be_judged_is_refused(drifting: Workspace) -> None:
    """No traceback for a name, a time or a protocol that does not fit."""
    folder = Path(drifting.root)
    assert "error: " in pulse(folder, "drift", "nothing").stderr
    assert pulse(folder, "drift", "tiny", "--window-end", "soon").returncode == 2
    path = folder / "protocols" / "tiny.yaml"
    path.write_text(path.read_text().replace("days: 7", "hours: 12"))
    refused = pulse(folder, "drift", "tiny")
    assert refused.returncode == 1
    assert "calibrated for windows of 7 days, not of 12 hours" in refused.stderr
