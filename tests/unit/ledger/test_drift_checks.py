"""Drift checks as facts, and the windows that they look at, in each kind of database."""

from __future__ import annotations

import msgspec
import pytest

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.catalogue import DRIFT_DETECTED
from pulse_blocks.ledger.drift_checks import DriftCheck, Verdict, new_drift_check_id
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.ledger.windows import part
from pulse_blocks.settings import Workspace

SECOND = 1_000_000


def check(at: int, verdict: Verdict = "calm", name: str = "a", end: int | None = None) -> DriftCheck:
    """A check of the model ``m``."""
    return DriftCheck(
        id=new_drift_check_id(), name=name, model="m", at=at, window_start=0, window_end=end, rows=5, verdict=verdict,
        result="{}",
    )  # fmt: skip


def ask(ledger: Ledger, at: int, event_time: int | None = None, model: str = "m") -> str:
    """One inference."""
    one = ids.new_inference_id()
    ledger.append([(one, at, event_time, None, model, "{}", "{}", b"1" * 32, b"1" * 32, 1, 0)])
    return one


def test_an_alarm_and_its_event_are_one(any_ledger: Workspace) -> None:
    """Both are there or neither; within the quiet time there is no second of the same name."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        first, second, other = (
            check(10 * SECOND, "drifted"),
            check(12 * SECOND, "drifted"),
            check(12 * SECOND, "drifted", "b"),
        )
        assert ledger.add_drift_check(first, {"check": first.id, "score": 0.25}, 5 * SECOND)
        assert not ledger.add_drift_check(second, {"check": second.id}, 5 * SECOND)
        assert ledger.drift_check(second.id) is None
        assert ledger.add_drift_check(other, {"check": other.id}, 5 * SECOND)
        assert ledger.add_drift_check(check(13 * SECOND, "cooling"))
        assert ledger.last_drift_alarm("a") == first
        assert ledger.drift_check(first.id) == first
        late = check(16 * SECOND, "drifted")
        assert ledger.add_drift_check(late, {"check": late.id}, 5 * SECOND)
        events = [event for event in ledger.unsent() if event.event == DRIFT_DETECTED.name]
        assert [(e.resource, e.payload["check"]) for e in events] == [
            ("pulse.model.a", first.id), ("pulse.model.b", other.id), ("pulse.model.a", late.id),
        ]  # fmt: skip
        assert events[0].payload["score"] == 0.25
        assert [one.verdict for one in ledger.drift_checks("a")] == ["drifted", "cooling", "drifted"]


def test_no_check_is_ever_changed(any_ledger: Workspace) -> None:
    """The database itself refuses."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        ledger.add_drift_check(check(1))
        with pytest.raises(PulseError), ledger._database.write() as transaction:
            transaction.execute("update drift_checks set verdict = 'calm'")


def test_a_report_comes_after_its_check(any_ledger: Workspace) -> None:
    """It is a fact of its own: the check has none before, the first one stays, and nobody changes it."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        one = check(1)
        ledger.add_drift_check(one)
        assert (ledger.drift_check(one.id), ledger.drift_report_since("m", 0)) == (one, False)
        ledger.add_drift_report(one.id, "https://mlflow/one.html")
        ledger.add_drift_report(one.id, "https://mlflow/another.html")
        found = ledger.drift_check(one.id)
        assert found is not None
        assert found.report == "https://mlflow/one.html"
        assert [ledger.drift_report_since("m", at) for at in (1, 2)] == [True, False]
        with pytest.raises(PulseError), ledger._database.write() as transaction:
            transaction.execute("delete from drift_reports")


def test_the_check_of_a_window(any_ledger: Workspace) -> None:
    """The newest whose window ended in it, and that could say something."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        inside = check(1, "suspected", end=20)
        for one in (inside, check(2, "calm", end=10), check(3, "too_few_rows", end=20), check(4, end=21)):
            ledger.add_drift_check(one)
        assert ledger.drift_check_of_window("m", "a", 10, 20) == inside
        assert ledger.drift_check_of_window("m", "a", 20, 20) is None
        assert ledger.drift_check_of_window("other", "a", 10, 20) is None


def test_windows_go_by_event_time(any_ledger: Workspace) -> None:
    """Where a row has none, the time of its arrival stands in; other models do not count."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        assert ledger.newest_time("m") is None
        assert ledger.times_before("m", 100, 2) == []
        first, second, third = ask(ledger, 500, 10), ask(ledger, 400, 20), ask(ledger, 30)
        ask(ledger, 15, model="other")
        assert ledger.newest_time("m") == 30
        assert ledger.rows_within("m", 10, 30) == 2
        assert [(one.id, one.time) for one in ledger.observed("m", 10, 31)] == [
            (first, 10), (second, 20), (third, 30),
        ]  # fmt: skip
        assert ledger.times_before("m", 31, 2) == [30, 20]
        assert ledger.times_before("m", 20, 5) == [10]


def test_the_newest_label_counts(any_ledger: Workspace) -> None:
    """Of several labels the last one; inferences without one are not there."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        one, _ = ask(ledger, 1), ask(ledger, 2)
        for value in (True, False):
            ledger.label([NewLabel(inference=one, value=msgspec.json.encode(value).decode())])
        assert [(row.id, row.label) for row in ledger.labelled("m", 0, 9)] == [(one, "false")]


def test_of_many_rows_a_part_is_taken(any_ledger: Workspace) -> None:
    """About as many as were asked for, spread over the window, the same each time."""
    migrate(any_ledger.ledger)
    with open_ledger(any_ledger.ledger) as ledger:
        ledger.append(
            [
                (ids.new_inference_id(), at, None, None, "m", "{}", "{}", b"1" * 32, b"1" * 32, 1, 0)
                for at in range(4000)
            ]
        )
        found = ledger.observed("m", 0, 4000, part(4000, 1000))
        assert 800 < len(found) < 1200
        assert sum(row.time < 2000 for row in found) > 350
        assert found == ledger.observed("m", 0, 4000, part(4000, 1000))
