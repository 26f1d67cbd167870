"""Checks of windows whose rows are in files: archived ones, scored ones, and those that retention has deleted."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import msgspec
import pytest

from pulse_blocks.archive.expiring import expire
from pulse_blocks.archive.moving import move
from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.result import DriftResult
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.scoring import begin
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.drifting_models import AFTER, WEEK, ask, heavier, label, late, microseconds, rows


def check(workspace: Workspace, end: dt.datetime) -> DriftResult:
    """Judge, and write nothing."""
    protocol = loading.load(loading.find(workspace, "tiny"))
    with open_ledger(workspace.ledger) as ledger:
        found = Check(protocol, ledger, open_store(workspace.store)).run(microseconds(end)).result
    return msgspec.structs.replace(found, check="", checked="", seconds=0.0)


def tomorrow() -> dt.datetime:
    """All that has been answered was before."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(days=1)


def archive(workspace: Workspace) -> int:
    """All rows into files; says how many there were."""
    with open_ledger(workspace.ledger) as ledger:
        moved = move(ledger, open_store(workspace.store), "tiny", tomorrow())
        assert list(ledger.each_inference()) == []
    return moved.rows


def drifted_weeks(workspace: Workspace) -> None:
    """Two weeks in a row that have drifted, with labels."""
    draw = random.Random(3)  # noqa: S311 - test data
    for number in range(2):
        asked = rows(400, seed=number, weight=heavier)
        label(workspace, ask(workspace, asked, AFTER + number * WEEK), [late(one, draw) for one in asked])


def test_archived_rows_are_judged_as_before(drifting: Workspace) -> None:
    """Window, the window before it, and labels: the whole result is the same."""
    drifted_weeks(drifting)
    before = check(drifting, AFTER + 2 * WEEK)
    assert (before.verdict, before.rows) == ("drifted", 400)
    assert before.performance is not None
    assert before.performance.value is not None
    assert archive(drifting) == 800
    assert check(drifting, AFTER + 2 * WEEK) == before


def test_scored_rows_are_in_their_windows(drifting: Workspace) -> None:
    """A scoring of the last week of the training data is what that week was asked: as many rows, and calm."""
    scored = begin(drifting, "tiny", start="2026-02-22", end="2026-03-01").run()
    found = check(drifting, AFTER)
    assert found.rows == scored.rows > 0
    assert (found.verdict, found.used) == ("calm", scored.rows)


def test_rows_that_retention_has_deleted_are_missed_in_words(drifting: Workspace) -> None:
    """The verdict is that there is none, and why; an earlier window stands for nothing either."""
    drifted_weeks(drifting)
    archive(drifting)
    with open_ledger(drifting.ledger) as ledger:
        expire(ledger, open_store(drifting.store), "tiny", tomorrow(), "ann")
    found = check(drifting, AFTER + 2 * WEEK)
    assert (found.verdict, found.rows) == ("too_few_rows", 0)
    assert found.deleted >= 400
    assert found.reasons[-1].endswith("were in files that retention has deleted.")


def test_a_damaged_archive_judges_nothing(drifting: Workspace) -> None:
    """An error that names the file; windows that do not reach into it are judged."""
    drifted_weeks(drifting)
    archive(drifting)
    store = open_store(drifting.store)
    with open_ledger(drifting.ledger) as ledger:
        (file,) = ledger.inference_files()
    path = Path(store.locate(file.key))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(PulseError, match="its sha256 is not the one") as raised:
        check(drifting, AFTER + 2 * WEEK)
    assert raised.value.code == "archive.corrupt"
    ask(drifting, rows(400, seed=9), AFTER + 5 * WEEK)
    assert check(drifting, AFTER + 6 * WEEK).verdict == "calm"
