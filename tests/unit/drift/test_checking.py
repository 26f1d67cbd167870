"""A check from the ledger to a verdict: real rows, a real model, Evidently."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import msgspec
import pytest

from pulse_blocks.drift.checking import Check, Checked
from pulse_blocks.drift.page import draw
from pulse_blocks.drift.recording import payload
from pulse_blocks.drift.result import DriftResult
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.drift_checks import DriftCheck, new_drift_check_id
from pulse_blocks.protocol import loading
from pulse_blocks.records import from_json, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.drifting_models import AFTER, WEEK, ask, label, late, microseconds, promote, rows


def check(workspace: Workspace, end: dt.datetime | None = None) -> DriftResult:
    """Judge, and write nothing."""
    return checked(workspace, end).result


def confirmed(workspace: Workspace) -> DriftResult:
    """The same; Evidently measures the same distances and draws its page."""
    found = checked(workspace)
    assert found.compared is not None
    assert "Drift in column" in draw(found.compared)
    return found.result


def checked(workspace: Workspace, end: dt.datetime | None = None) -> Checked:
    """The result with what a page is drawn from."""
    protocol = loading.load(loading.find(workspace, "tiny"))
    with open_ledger(workspace.ledger) as ledger:
        run = Check(protocol, ledger, open_store(workspace.store)).run
        return run(None if end is None else microseconds(end))


def alarm(workspace: Workspace, at: int) -> None:
    """An earlier check that raised the alarm."""
    with open_ledger(workspace.ledger) as ledger:
        row = DriftCheck(
            id=new_drift_check_id(), name="tiny", model="m", at=at, window_start=None, window_end=None, rows=0,
            verdict="drifted", result="{}",
        )  # fmt: skip
        assert ledger.add_drift_check(row, {"check": row.id})


def heavier(draw: random.Random) -> float:
    """Weights from another place."""
    return round(draw.uniform(30, 50), 2)


def test_what_looks_like_the_training_data_is_calm(drifting: Workspace) -> None:
    """No alarm, a score below its threshold for every column, and every row looked at."""
    ask(drifting, rows(400), AFTER)
    found = check(drifting)
    assert (found.verdict, found.drift, found.rows, found.used) == ("calm", False, 400, 400)
    assert set(found.features) == {"weight", "distance", "carrier", "express"}
    assert all(one.score is not None and one.score < one.threshold for one in found.features.values())
    assert found.prediction is not None
    assert not found.prediction.drifted
    assert from_json(to_json(found), DriftResult) == found


def test_drift_is_suspected_then_certain_then_quiet(drifting: Workspace) -> None:
    """One window is not enough, two in a row are, and within the cooldown nothing follows from a third."""
    ask(drifting, rows(400), AFTER)
    ask(drifting, rows(400, weight=heavier), AFTER + WEEK)
    first = check(drifting)
    assert (first.verdict, first.drift) == ("suspected", True)
    assert first.features["weight"].drifted
    assert [one.drifted for one in first.before] == [False]
    ask(drifting, rows(400, seed=8, weight=heavier), AFTER + 2 * WEEK)
    second = check(drifting)
    assert (second.verdict, second.action) == ("drifted", "retrain")
    assert [one.drifted for one in second.before] == [True]
    alarm(drifting, microseconds(dt.datetime.now(dt.UTC)) - 1_000_000)
    assert check(drifting).verdict == "cooling"


def test_windows_are_those_of_the_events(drifting: Workspace) -> None:
    """All arrived today; what counts is when it happened, whatever the zone it was said in."""
    eastern = dt.timezone(dt.timedelta(hours=-5))
    ask(drifting, rows(400, weight=heavier), AFTER.astimezone(eastern))
    ask(drifting, rows(400, seed=8, weight=heavier), AFTER + WEEK)
    assert check(drifting).verdict == "drifted"
    early = check(drifting, AFTER + WEEK)
    assert (early.verdict, early.window_start, early.window_end) == (
        "suspected",
        "2026-03-01T00:00:00Z",
        "2026-03-08T00:00:00Z",
    )


def test_one_row_of_a_far_year_ends_no_window(drifting: Workspace) -> None:
    """Whoever dates a row 9999 does not stop every check after it."""
    ask(drifting, rows(400), AFTER)
    ask(drifting, rows(1), dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
    found = check(drifting)
    assert (found.verdict, found.rows) == ("calm", 400)


def test_without_event_times_windows_are_those_of_arrival(drifting: Workspace) -> None:
    """The time in the id's row stands in."""
    ask(drifting, rows(400, weight=heavier), AFTER, event_time=False)
    found = check(drifting)
    assert (found.verdict, found.rows) == ("suspected", 400)
    assert (found.window_end or "").startswith("2026-03-07T")


def test_a_window_before_that_has_left_the_ledger(drifting: Workspace) -> None:
    """Then the check that was made of it counts."""
    ask(drifting, rows(400, weight=heavier), AFTER)
    then = checked(drifting)
    model = then.result.model
    with open_ledger(drifting.ledger) as ledger:
        with ledger._database.write() as transaction:
            transaction.execute("drop trigger if exists inferences_no_delete")
            transaction.execute("delete from inferences where model = ?", (model,))
        row = DriftCheck(
            id=then.result.check, name="tiny", model=model, at=then.at, window_start=microseconds(AFTER),
            window_end=microseconds(AFTER + WEEK), rows=400, verdict="suspected", result=to_json(then.result).decode(),
        )  # fmt: skip
        ledger.add_drift_check(row)
    ask(drifting, rows(400, seed=8, weight=heavier), AFTER + WEEK)
    found = check(drifting, AFTER + 2 * WEEK)
    assert found.verdict == "drifted"
    assert [one.check for one in found.before] == [then.result.check]


def test_a_new_champion_is_judged_by_its_own_rows(drifting: Workspace) -> None:
    """What the model before it was asked says nothing about it."""
    ask(drifting, rows(400, weight=heavier), AFTER)
    promote(drifting, seed=5)
    found = check(drifting)
    assert (found.verdict, found.rows) == ("too_few_rows", 0)


@pytest.mark.parametrize("count", [0, 1, 99])
def test_few_rows_decide_nothing(drifting: Workspace, count: int) -> None:
    """Below min_rows the verdict is that there is none, with the number."""
    if count:
        ask(drifting, rows(count, weight=50.0), AFTER)
    found = check(drifting)
    assert (found.verdict, found.drift, found.rows) == ("too_few_rows", False, count)
    assert len(found.reasons) == 1


def test_a_column_without_values(drifting: Workspace) -> None:
    """All nulls have no distance; that is drift all the same, and said so."""
    ask(drifting, rows(400, distance=None), AFTER)
    found = confirmed(drifting)
    assert found.features["distance"].score is None
    assert found.features["distance"].drifted
    assert any(reason.startswith("distance has no value in this window") for reason in found.reasons)


def test_more_nulls(drifting: Workspace) -> None:
    """The values that are left are as ever; that half of them are gone counts."""
    ask(
        drifting,
        rows(400, distance=lambda draw: None if draw.random() < 0.5 else draw.uniform(0, 2000)),
        AFTER,
    )
    one = check(drifting).features["distance"]
    assert one.drifted
    assert one.score is not None
    assert one.score < one.threshold


def test_a_constant_column(drifting: Workspace) -> None:
    """One value a thousand times is measured like any other."""
    ask(drifting, rows(400, weight=25.0, carrier="van"), AFTER)
    found = confirmed(drifting)
    assert found.features["weight"].drifted
    assert found.features["carrier"].drifted


def test_rows_that_do_not_hold_the_protocol(drifting: Workspace) -> None:
    """An unseen category and text for a number: told with the row, measured as far as it goes, no crash."""
    kept = ask(drifting, rows(400), AFTER)
    _rewrite(drifting, kept[:150], carrier="rocket")
    _rewrite(drifting, kept[150:152], weight="heavy")
    _rewrite(drifting, kept[152:153], None)
    found = confirmed(drifting)
    assert found.quality is not None
    assert (found.quality.rows, found.quality.broken) == (400, 153)
    assert "carrier" in found.quality.examples[0]
    assert found.features["carrier"].drifted


def _rewrite(workspace: Workspace, inferences: list[str], changed: Any = "", **values: Any) -> None:
    """Tamper with rows as no runtime would."""
    with open_ledger(workspace.ledger) as ledger, ledger._database.write() as transaction:
        transaction.execute("drop trigger if exists inferences_no_update")
        for one in inferences:
            old = msgspec.json.decode(ledger.inference(one).input)
            new = msgspec.json.encode(old | values if changed == "" else changed).decode()
            transaction.execute("update inferences set input = ? where id = ?", (new, one))


def test_a_damaged_reference_judges_nothing(drifting: Workspace) -> None:
    """A byte that has changed in the reference sample is an error that names the file."""
    ask(drifting, rows(400), AFTER)
    store = open_store(drifting.store)
    (key,) = [key for key in store.keys("snapshots/") if key.endswith("sample.parquet")]
    data = bytearray(store.get(key))
    data[len(data) // 2] ^= 1
    store.delete(key)
    store.put(key, bytes(data))
    with pytest.raises(PulseError, match="is not what tiny@") as raised:
        check(drifting)
    assert raised.value.code == "drift.reference_damaged"


def test_labels_late_doubled_contradictory_unknown(drifting: Workspace) -> None:
    """The newest label counts, one for nobody is ignored, one that is no value of the target is told."""
    asked = rows(400)
    kept, draw = ask(drifting, asked, AFTER), random.Random(3)  # noqa: S311 - test data
    truth = [late(record, draw) for record in asked]
    label(drifting, kept, [not value for value in truth])
    label(drifting, kept, truth)
    label(drifting, kept, truth)
    label(drifting, ["inference_01m883r96terdasxrstsfmf0rh"], [True])
    label(drifting, kept[:3], ["perhaps"] * 3)
    found = check(drifting).performance
    assert found is not None
    assert (found.rows, found.unusable, found.drifted) == (397, 3, False)
    assert found.value is not None
    assert found.value > 0.8


def test_a_model_that_is_worse_than_it_was(drifting: Workspace) -> None:
    """Where labels say so, quality alone is drift; with one class there is nothing to say."""
    kept = ask(drifting, rows(400), AFTER)
    draw = random.Random(3)  # noqa: S311 - test data
    label(drifting, kept, [draw.random() < 0.5 for _ in kept])
    found = check(drifting)
    assert found.performance is not None
    assert found.performance.drifted
    assert found.drift
    label(drifting, kept, [True] * 400)
    again = check(drifting)
    assert again.performance is not None
    assert again.performance.value is None
    assert not again.drift


def test_labels_that_are_not_due_are_not_judged(drifting: Workspace) -> None:
    """With a delay of a week the window of last week is the one whose labels are complete."""
    path = drifting.protocols / "tiny.yaml"
    path.write_text(path.read_text() + "  label_delay: 7d\n")
    old, new = ask(drifting, rows(400), AFTER), ask(drifting, rows(400, seed=9), AFTER + WEEK)
    draw = random.Random(3)  # noqa: S311 - test data
    label(drifting, new[:150], [True] * 150)
    label(drifting, old, [late(record, draw) for record in rows(400)])
    found = check(drifting, AFTER + 2 * WEEK).performance
    assert found is not None
    assert (found.rows, found.start, found.drifted) == (400, "2026-03-01T00:00:00Z", False)


def test_the_event_says_what_a_retrain_needs(drifting: Workspace) -> None:
    """Name, check and action, with their types."""
    ask(drifting, rows(400, weight=heavier), AFTER)
    found = check(drifting)
    said = payload(found)
    assert (said["check"], said["name"], said["model"], said["action"]) == (
        found.check,
        "tiny",
        found.model,
        "retrain",
    )
    assert isinstance(said["score"], float)
