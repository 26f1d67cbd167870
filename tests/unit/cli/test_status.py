"""``pulse status``: how things are, for people and for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pulse_blocks.cli import output, status
from pulse_blocks.cli.overview import LastDrift, bytes_of, overview
from pulse_blocks.ledger.drift_checks import DriftCheck, new_drift_check_id
from pulse_blocks.ledger.table import now_us
from pulse_blocks.lineage.node import time_of
from pulse_blocks.snapshots import layout
from tests.lineage_world import World
from tests.tiny_project import PROTOCOL, pulse

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty workspace, migrated."""
    return World(tmp_path)


def test_models_runs_and_snapshots_are_told(world: World) -> None:
    """Champion and since when, the newest run and how it ended, inferences of the last day, disk use."""
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    move = world.promote(stored)
    attempt = world.ledger.begin("tiny", "a run of today").id
    world.ledger.end(attempt, "failed", "roc_auc 0.6 is below the gate 0.70.")
    found = overview(world.workspace, NOBODY)
    (model,) = found.models
    assert (model.name, model.champion, model.since) == ("tiny", stored.model, time_of(move.at))
    assert model.last_run is not None
    assert (model.last_run.state, model.last_run.message) == ("failed", "roc_auc 0.6 is below the gate 0.70.")
    assert (found.snapshots.count, found.snapshots.rows) == (1, 1_247_832)
    assert found.disk["ledger"] > 0
    assert found.disk["store"] > 0
    assert not found.ready
    text = status.render(found)
    headers = "MODEL CHAMPION SINCE LAST RUN LAST DRIFT CHECK LAST 24 H"
    assert text.splitlines()[0].split() == headers.split()
    assert "tiny: roc_auc 0.6 is below the gate 0.70." in text


def test_the_loop_is_told(world: World) -> None:
    """The last drift check with its verdict, failed automations of the week, events that wait."""
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    world.promote(stored)
    before = overview(world.workspace, NOBODY)
    assert before.models[0].last_drift is None
    assert "none failed in a week" in status.render(before)
    check = DriftCheck(
        id=new_drift_check_id(), name="tiny", model=stored.model, at=now_us(), window_start=0, window_end=1,
        rows=5, verdict="too_few_rows", result="{}",
    )  # fmt: skip
    world.ledger.add_drift_check(check)
    world.ledger.note_automation_failure("e", "Pulse: drift", "run-deployment", "No such deployment.")
    found = overview(world.workspace, NOBODY)
    assert found.models[0].last_drift == LastDrift(verdict="too_few_rows", at=time_of(check.at))
    assert (found.automation_failures, found.events_waiting) == (1, len(world.ledger.unsent()))
    text = status.render(found)
    assert "too few rows" in text
    assert "1 failed in a week: pulse automations list" in text
    assert "events wait for Prefect" in text


def test_only_inferences_of_the_last_day_count(world: World) -> None:
    """Those of the world are old."""
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    world.promote(stored)
    world.infer(stored.model, 5)
    assert overview(world.workspace, NOBODY).models[0].inferences_24h == 0
    assert world.ledger.inferences_since(stored.model, 0) == 5


def test_a_run_whose_process_is_gone_was_interrupted(world: World) -> None:
    """Nobody will ever end it: running would be a lie."""
    script = (
        "import sys; from pulse_blocks.ledger import open_ledger\n"
        "with open_ledger(sys.argv[1]) as ledger: ledger.begin('tiny', 'key')"
    )
    import subprocess

    subprocess.run([sys.executable, "-c", script, world.workspace.ledger], check=True)
    (model,) = overview(world.workspace, NOBODY).models
    assert model.last_run is not None
    assert model.last_run.state == "interrupted"
    assert "pulse run tiny goes on with it" in status.render(overview(world.workspace, NOBODY))


def test_a_manifest_that_cannot_be_read_is_counted(world: World) -> None:
    """And the way to know more is told."""
    snapshot = world.snapshot()
    world.lose(layout.manifest_key(snapshot.id))
    world.store.create(layout.manifest_key(snapshot.id), b"[")
    found = overview(world.workspace, NOBODY)
    assert (found.snapshots.count, found.snapshots.unreadable) == (0, 1)
    assert "pulse audit verify" in status.render(found)


def test_a_project_before_its_first_run(tmp_path: Path) -> None:
    """Exit code 0, what there is, and asking makes no ledger."""
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "tiny.yaml").write_text(PROTOCOL)
    told = json.loads(pulse(tmp_path, "status", "--url", NOBODY, "--json").stdout)
    assert [model["name"] for model in told["models"]] == ["tiny"]
    assert told["models"][0]["champion"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["protocols"]
    done = pulse(tmp_path, "status", "--url", NOBODY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout


def test_on_a_narrow_terminal_rows_become_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is cut and no id is broken; in a pipe the table stays a table."""
    rows = [("tiny", "tiny@1.0.0-3fa94c1"), ("flights", "flights@1.0.0-3fa94c1")]
    wide = output.table(["MODEL", "CHAMPION"], rows)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")
    assert output.table(["MODEL", "CHAMPION"], rows) == (
        "MODEL     tiny\nCHAMPION  tiny@1.0.0-3fa94c1\n\nMODEL     flights\nCHAMPION  flights@1.0.0-3fa94c1"
    )
    monkeypatch.setenv("COLUMNS", "200")
    assert output.table(["MODEL", "CHAMPION"], rows) == wide


def test_disk_use_counts_what_sqlite_keeps_beside_a_file(tmp_path: Path) -> None:
    """A file with its WAL, a folder with all below it, nothing for what is not there."""
    (tmp_path / "a.db").write_bytes(b"1234")
    (tmp_path / "a.db-wal").write_bytes(b"12")
    assert bytes_of(tmp_path / "a.db") == 6
    assert bytes_of(tmp_path) == 6
    assert bytes_of(tmp_path / "nothing") == 0
