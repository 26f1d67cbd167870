"""Windows in event time: the same rows wherever they are, in each kind of database."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pulse_blocks.archive import moving
from pulse_blocks.archive.windows import Counted, ModelAnswers
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.ledger.table import now_us
from pulse_blocks.stores import Store
from tests.old_inferences import MODEL, old

SECOND = "tiny@1.1.0-bbbbbbb"
_STARTS = (0, 250, 600)


def timed(count: int, seed: int) -> list[InferenceTuple]:
    """Rows of two models by id, whose event times (0 to 1,000) have another order; some have that of arrival alone."""
    draw = random.Random(seed)  # noqa: S311 - test data
    found = [*old(count, 100), *old(count // 2, 100, SECOND)]
    made = []
    for row in sorted(found):
        time = draw.randrange(1_000)
        kept = (time, None) if draw.random() < 0.3 else (7, time)
        made.append((row[0], *kept, *row[3:]))
    return made


def answers(ledger: Ledger, store: Store, model: str) -> list[Any]:
    """Whatever can be asked about a model's windows."""
    asked = ModelAnswers(ledger, store, model)
    found: list[Any] = [asked.newest_time()]
    for start in _STARTS:
        end = start + 300
        found += [
            asked.count(start, end).rows,
            asked.observed(start, end, 10_000),
            asked.observed(start, end, 20),
        ]
        found += [
            asked.labelled(start, end, 10_000),
            asked.time_of_row(end, 15),
            asked.time_of_row(end, 10_000),
        ]
    return found


def move(ledger: Ledger, store: Store, rows: list[InferenceTuple]) -> None:
    """These rows into an archive."""
    ledger.move("tiny", moving._written(store, "archive/tiny/x", rows), [row[0] for row in rows])


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_files_count_as_they_did_in_the_ledger(ledger: Ledger, store: Store, seed: int) -> None:
    """Counts, rows, the part that is looked at, labels, the last rows: archived in pieces, nothing changes."""
    rows = timed(240, seed)
    ledger.append(rows)
    ledger.label(
        [NewLabel(inference=row[0], value=value) for row in rows[::3] for value in ("true", "false")]
    )
    before = {model: answers(ledger, store, model) for model in (MODEL, SECOND)}
    assert all(before[MODEL][1:5])
    assert 5 < len(before[MODEL][3]) < 40
    for start, end in ((0, 60), (60, 61), (100, 250), (250, len(rows))):
        move(ledger, store, rows[start:end])
        assert {model: answers(ledger, store, model) for model in (MODEL, SECOND)} == before


def test_files_whose_times_nobody_knows_are_looked_into(
    ledger: Ledger, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that an older Pulse wrote: slower, and the same answers."""
    from pulse_blocks.archive.writing import InferenceWriter

    rows = timed(60, 5)
    ledger.append(rows)
    before = answers(ledger, store, MODEL)
    finish = InferenceWriter.finish

    def forgetful(self: InferenceWriter) -> tuple[bytes, str]:
        self._times = None
        return finish(self)

    monkeypatch.setattr(InferenceWriter, "finish", forgetful)
    move(ledger, store, rows[:70])
    assert next(ledger.inference_files()).first_time is None
    assert answers(ledger, store, MODEL) == before


def test_what_is_moved_meanwhile_counts_once(ledger: Ledger, store: Store) -> None:
    """Between the question to the ledger and the one to the files the rows move: they are neither lost nor doubled."""
    rows = timed(60, 4)
    ledger.append(rows)
    asked = ModelAnswers(ledger, store, MODEL)
    before = asked.observed(0, 1_000, 10_000)
    within, once = ledger.observed, [0]

    def and_then_move(*given: Any) -> Any:
        found = within(*given)
        if not once[0]:
            once[0] = 1
            move(ledger, store, rows)
        return found

    ledger.observed = and_then_move  # type: ignore[method-assign]
    assert asked.observed(0, 1_000, 10_000) == before
    assert once == [1]


def test_only_files_that_a_window_reaches_into_are_read(ledger: Ledger, store: Store) -> None:
    """One that is gone from the store hinders no window before or behind it, and ends one that reaches into it."""
    from pulse_blocks.errors import PulseError

    rows = [(row[0], 7, time, *row[3:]) for time, row in enumerate(old(90, 100))]
    ledger.append(rows)
    for start in (0, 30, 60):
        move(ledger, store, rows[start : start + 30])
    lost = next(file for file in ledger.inference_files() if file.first_time == 30)
    assert (lost.first_time, lost.last_time) == (30, 59)
    store.delete(lost.key)
    asked = ModelAnswers(ledger, store, MODEL)
    assert [one.time for one in asked.observed(0, 30, 100)] == list(range(30))
    assert asked.count(60, 90) == Counted(30, 0)
    assert (asked.newest_time(), asked.time_of_row(90, 30)) == (89, (60, 30))
    for start, end in ((20, 40), (59, 70)):
        with pytest.raises(PulseError) as raised:
            asked.observed(start, end, 100)
        assert raised.value.code == "store.missing"


def test_a_row_far_ahead_in_a_file_is_not_the_newest(ledger: Ledger, store: Store) -> None:
    """A file whose last row cannot be believed is read for the last that can."""
    ahead = now_us() + 48 * 3_600_000_000
    rows = [(row[0], 7, time, *row[3:]) for row, time in zip(old(4, 100), (10, 20, 30, ahead), strict=True)]
    ledger.append(rows)
    asked = ModelAnswers(ledger, store, MODEL)
    assert asked.newest_time() == 30
    move(ledger, store, rows)
    assert asked.newest_time() == 30
