"""A check becomes a fact, whoever else is there and whatever is out of reach."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import msgspec
import pytest

from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.recording import keep_report, record
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from pulse_blocks.ui.drift import drift_history
from tests.drifting_models import AFTER, WEEK, ask, rows


@pytest.fixture
def drifted(drifting: Workspace) -> Workspace:
    """Two windows in a row that have drifted; MLflow out of reach."""
    ask(drifting, rows(200, weight=45.0), AFTER)
    ask(drifting, rows(200, seed=8, weight=45.0), AFTER + WEEK)
    return msgspec.structs.replace(drifting, tracking="sqlite:////dev/null/mlflow.db")


def test_a_check_counts_without_mlflow(drifted: Workspace) -> None:
    """The verdict and its event are in the ledger, and the reasons say what is missing."""
    protocol = loading.load(loading.find(drifted, "tiny"))
    with open_ledger(drifted.ledger) as ledger:
        checked = Check(protocol, ledger, open_store(drifted.store)).run()
        result = record(checked, protocol, ledger)
        assert result.verdict == "drifted"
        reported = keep_report(checked, result, ledger, drifted)
        assert reported.report is None
        assert reported.reasons[-1].startswith("MLflow is out of reach")
        assert ledger.drift_check(result.check) is not None
        assert [event.payload["check"] for event in ledger.unsent() if "drift" in event.event] == [
            result.check
        ]


_DECIDE = """
import json, sys
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.drift.flow import decide_drift
decided = decide_drift(settings.load(Path(sys.argv[1]), environ={}), "tiny")
heavy = {"evidently", "mlflow", "lightgbm", "sklearn", "alembic", "prefect"}
print(json.dumps([decided.result.verdict, decided.result.check, sorted(heavy & set(sys.modules))]))
"""


def test_a_verdict_waits_for_nothing_that_takes_seconds(drifted: Workspace) -> None:
    """It is in the ledger with its event before Evidently, MLflow or LightGBM are even imported."""
    done = subprocess.run(
        [sys.executable, "-c", _DECIDE, drifted.root], capture_output=True, text=True, check=True
    )
    verdict, check, heavy = json.loads(done.stdout)
    assert (verdict, heavy) == ("drifted", [])
    with open_ledger(drifted.ledger) as ledger:
        kept = ledger.drift_check(check)
        assert kept is not None
        assert kept.report is None
        assert [event.payload["check"] for event in ledger.unsent() if "drift" in event.event] == [check]


def test_pages_draw_what_was_recorded(drifted: Workspace) -> None:
    """The share of each check, and the line from which it counts: the page reads the very result that is kept."""
    protocol = loading.load(loading.find(drifted, "tiny"))
    with open_ledger(drifted.ledger) as ledger:
        result = record(Check(protocol, ledger, open_store(drifted.store)).run(), protocol, ledger)
        found = drift_history(ledger, "tiny")
    assert (found.limit, found.limit) == (result.share_threshold, protocol.monitoring.features.share)
    assert found.newest is not None
    assert (found.newest.share, found.newest.rows) == (result.share, 200)
    assert found.newest.features == ("weight",)


def test_of_checks_at_the_same_moment_one_raises_the_alarm(drifted: Workspace) -> None:
    """The schedule, a person and an event at once: one event, the others are cooling."""
    protocol = loading.load(loading.find(drifted, "tiny"))
    with open_ledger(drifted.ledger) as ledger:
        checks = [Check(protocol, ledger, open_store(drifted.store)).run() for _ in range(3)]
        assert [one.result.verdict for one in checks] == ["drifted"] * 3
        found = []
        threads = [
            threading.Thread(target=lambda one=one: found.append(record(one, protocol, ledger)))
            for one in checks
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(one.verdict for one in found) == ["cooling", "cooling", "drifted"]
        assert len([event for event in ledger.unsent() if "drift" in event.event]) == 1
        assert len(ledger.drift_checks("tiny")) == 3
