"""Windows that are hardly any, and clocks that cannot be trusted: there is always a verdict, with its reasons."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from pulse_blocks.drift import checking, recording
from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.markdown import markdown
from pulse_blocks.drift.page import draw
from pulse_blocks.drift.result import DriftResult
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.records import from_json, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.drifting_models import AFTER, WEEK, ask, heavier, microseconds, rows

NULLS = dict.fromkeys(("weight", "distance", "carrier", "express"))


def check(workspace: Workspace, *, keep: bool = False) -> DriftResult:
    """Judge the newest window, and let Evidently draw its page; ``keep`` records the verdict."""
    protocol = loading.load(loading.find(workspace, "tiny"))
    with open_ledger(workspace.ledger) as ledger:
        checked = Check(protocol, ledger, open_store(workspace.store)).run()
        if checked.compared is not None:
            assert "Drift in column" in draw(checked.compared)
        return recording.record(checked, protocol, ledger) if keep else checked.result


def demand(workspace: Workspace, old: str, new: str) -> None:
    """Change a word of the monitoring section."""
    path = workspace.protocols / "tiny.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def tamper(workspace: Workspace, inferences: list[str], **values: Any) -> None:
    """Rows in the ledger as no runtime writes them."""
    with open_ledger(workspace.ledger) as ledger, ledger._database.write() as transaction:
        transaction.execute("drop trigger if exists inferences_no_update")
        for one in inferences:
            text = msgspec.json.encode(msgspec.json.decode(ledger.inference(one).input) | values).decode()
            transaction.execute("update inferences set input = ? where id = ?", (text, one))


@pytest.mark.parametrize(
    ("changed", "drifted"),
    [({}, False), ({"carrier": "rocket"}, False), (NULLS, True)],
    ids=["a sound row", "an unseen category", "nothing but nulls"],
)
def test_one_row_is_judged_where_one_is_enough(
    drifting: Workspace, changed: dict[str, Any], *, drifted: bool
) -> None:
    """With min_rows 1 a single row has a verdict: what chance may do to one row is no drift; what is broken is told."""
    demand(drifting, "min_rows: 100", "min_rows: 1")
    kept = ask(drifting, rows(1, weight=25.0, distance=1000.0, carrier="van"), AFTER)
    tamper(drifting, kept, **changed)
    found = check(drifting)
    assert (found.rows, found.used) == (1, 1)
    assert found.drift is drifted, found.reasons
    assert found.quality is not None
    assert found.quality.broken == (1 if changed else 0)
    assert any("'rocket'" in reason for reason in found.reasons) is ("rocket" in changed.values())
    assert from_json(to_json(found), DriftResult) == found
    assert markdown(found)


def test_a_window_of_nulls_alone(drifting: Workspace) -> None:
    """No feature has a value: each is named, every row is broken, and the check ends like any other."""
    tamper(drifting, ask(drifting, rows(200), AFTER), **NULLS)
    found = check(drifting)
    assert found.drift
    assert found.share == pytest.approx(1.0)
    assert all(one.score is None and one.missing == 1.0 for one in found.features.values())
    assert found.quality is not None
    assert found.quality.broken == 200


@pytest.mark.parametrize("years", [-30, 30])
def test_persistence_does_not_go_by_the_clock(
    drifting: Workspace, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    """Two drifted weeks in a row are drift, whatever the machine takes the date to be."""
    for number in range(2):
        ask(drifting, rows(200, seed=number, weight=heavier), AFTER + number * WEEK)
    wrong = microseconds(dt.datetime(2026 + years, 1, 1, tzinfo=dt.UTC))
    monkeypatch.setattr(checking, "now_us", lambda: wrong)
    assert check(drifting).verdict == "drifted"


def test_a_clock_that_is_put_back_ends_no_cooldown(
    drifting: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm of a clock that ran ahead counts as fresh: of three checks one raises the alarm."""
    for number in range(2):
        ask(drifting, rows(200, seed=number, weight=heavier), AFTER + number * WEEK)
    now = checking.now_us()
    verdicts = []
    for hours in (48, 0, 1):
        monkeypatch.setattr(checking, "now_us", lambda hours=hours: now + hours * 3_600_000_000)
        verdicts.append(check(drifting, keep=True).verdict)
    assert verdicts == ["drifted", "cooling", "cooling"]
    with open_ledger(drifting.ledger) as ledger:
        assert len([event for event in ledger.unsent() if event.event == "pulse.drift.detected"]) == 1
