"""What the tripwire costs: a request in the hot path, a row in the background, a verdict on 10,000 rows."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import msgspec
from msgspec.structs import astuple

from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger import open_ledger
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire.intake import MOST_WAITING, Intake
from pulse_blocks.serving.tripwire.judging import findings
from pulse_blocks.serving.tripwire.panes import PANES, Panes
from pulse_blocks.serving.tripwire.watched import SLICE, Watched
from pulse_blocks.sketches.reference import DriftReference
from pulse_blocks.stores import open_store
from tests import drifting_models
from tests.bench.ratios import against
from tests.drifting_models import AFTER, WEEK, microseconds
from tests.running_engine import Client

_ROWS, _NUMBERS, _WORDS = 10_000, 22, 8


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as temporary:
        workspace = drifting_models.project(Path(temporary) / "project")
        with open_ledger(workspace.ledger) as ledger:
            champion = ledger.champion("tiny")
        assert champion is not None
        model = Model.load(open_store(workspace.store), champion, signing_key(workspace))
        print(
            against("hot path, a request of one record", _hot_path(model), 3, " µs")
            + f"; at most {MOST_WAITING:,} rows wait"
        )
        print(f"background: {_background(model):.1f} µs a row of 4 features")
        assert model.bundle.drift is not None
        _verdict(model.bundle.drift)


def _job(model: Model) -> Job:
    (record,) = msgspec.convert(drifting_models.rows(1), list[model.record])  # type: ignore[name-defined]
    job = Job(model, (record,), 0, 1, Client())
    job.add((record,), [model.answer(record, model.outputs([record])[0])], [False], [new_inference_id()])
    return job


def _hot_path(model: Model) -> float:
    """Into an intake that fills and is full for most of the time, the dearer case; the best of five."""
    job, found, size = _job(model), [], 5 * MOST_WAITING
    for _ in range(5):
        intake = Intake()
        began = time.perf_counter_ns()
        for _ in range(size):
            intake.put(job)
        found.append((time.perf_counter_ns() - began) / 1000 / size)
    return min(found)


def _background(model: Model) -> float:
    reference = model.bundle.drift
    assert reference is not None
    watched = Watched(model, reference)
    asked: list[msgspec.Struct] = msgspec.convert(drifting_models.rows(_ROWS), list[model.record])  # type: ignore[name-defined]
    outputs, start, step = model.outputs(asked), microseconds(AFTER), int(WEEK.total_seconds() * 1e6) // _ROWS
    rows = [
        (start + at * step, astuple(one), said.decode())
        for at, (one, said) in enumerate(zip(asked, outputs, strict=True))
    ]
    began = time.perf_counter()
    for at in range(0, _ROWS, SLICE):
        watched.add(rows[at : at + SLICE])
    return (time.perf_counter() - began) / _ROWS * 1e6


def _verdict(reference: DriftReference) -> None:
    """30 columns in seven panes, merged and judged."""
    draw = random.Random(1)  # noqa: S311 - test data
    panes = Panes([False] * _NUMBERS + [True] * _WORDS, _ROWS)
    rows = [
        [
            *(draw.gauss(25, 8) for _ in range(_NUMBERS)),
            *(draw.choice(("bike", "train", "van")) for _ in range(_WORDS)),
        ]
        for _ in range(_ROWS)
    ]
    panes.add(range(_ROWS), rows)
    known = [reference.features["weight"]] * _NUMBERS + [reference.features["carrier"]] * _WORDS
    spent = []
    for _ in range(11):
        began = time.perf_counter()
        whole = panes.together()
        findings(
            [(column, one, 1.0) for column, one in zip(whole.columns, known, strict=True)], reference, "auto"
        )
        spent.append((time.perf_counter() - began) * 1000)
    middle, most = sorted(spent)[len(spent) // 2], max(spent)
    print(
        against("verdict, median of eleven", middle, 25, " ms")
        + f"; the slowest {most:.1f} ms, on {_ROWS:,} rows x {_NUMBERS + _WORDS} columns in {PANES} panes"
    )
