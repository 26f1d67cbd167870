"""The tripwire: the runtime itself sees that what it is asked has changed, and says so once."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.rows import OutboxEvent
from pulse_blocks.ledger.windows import Observed
from pulse_blocks.serving.batcher import Batcher
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.merging import merged
from pulse_blocks.serving.metrics import Metrics, Now
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire import intake
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.serving.tripwire.intake import Intake
from pulse_blocks.serving.tripwire.watched import Watched
from pulse_blocks.serving.tripwire.watching import Tripwire
from pulse_blocks.settings import Workspace
from pulse_blocks.sketches.reference import ColumnReference, DriftReference
from pulse_blocks.stores import open_store
from tests import drifting_models
from tests.drifting_models import AFTER, WEEK, microseconds, rows
from tests.running_engine import Client
from tests.served_models import protocol, runtime, train_and_promote
from tests.waiting import until

SUSPECTED = "pulse.drift.suspected"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose model has a reference for drift."""
    folder = tmp_path_factory.mktemp("tripwire") / "project"
    drifting_models.project(folder)
    return folder


@pytest.fixture
def workspace(trained: Path, tmp_path: Path) -> Workspace:
    """A workspace whose champion has answered nothing yet."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    return settings.load(folder, environ={})


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    """Its ledger."""
    with open_ledger(workspace.ledger) as opened:
        yield opened


@pytest.fixture
def model(workspace: Workspace, ledger: Ledger) -> Model:
    """Its champion."""
    champion = ledger.champion("tiny")
    assert champion is not None
    return Model.load(open_store(workspace.store), champion, signing_key(workspace))


def heavier(draw: random.Random) -> float:
    """Weights from another place."""
    return round(draw.uniform(30, 50), 2)


def dated(records: Sequence[dict[str, Any]], start: dt.datetime = AFTER) -> list[dict[str, Any]]:
    """The records with event times spread over a week."""
    step = WEEK / len(records)
    return [{**record, "sent": (start + at * step).isoformat()} for at, record in enumerate(records)]


def post(url: str, records: Sequence[dict[str, Any]], *, singly: bool = False) -> None:
    """Ask the runtime, in one body or in one each (which goes the short way)."""
    for body in records if singly else [{"instances": list(records)}]:
        request = urllib.request.Request(
            f"{url}/predict/tiny", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as reply:
            assert reply.status == 200


def gauges(url: str, name: str) -> dict[str, float]:
    """The samples of a metric, by their labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    found = [
        line.removeprefix(name).rsplit(" ", 1) for line in lines if line.startswith((f"{name}{{", f"{name} "))
    ]
    return {labels: float(value) for labels, value in found}


def told(workspace: Workspace) -> list[OutboxEvent]:
    """The suspicions that wait for Prefect."""
    with open_ledger(workspace.ledger) as ledger:
        return [event for event in ledger.unsent() if event.event == SUSPECTED]


def judge(
    model: Model, records: Sequence[dict[str, Any]], reference: DriftReference | None = None
) -> LiveDrift | None:
    """The verdict on records, without a runtime around it."""
    watched = Watched(model, reference or reference_of(model))
    asked = [msgspec.convert(record, model.record, strict=False) for record in dated(records)]
    times = [microseconds(dt.datetime.fromisoformat(one["sent"])) for one in dated(records)]
    outputs = [output.decode() for output in model.outputs(asked)]
    watched.add([(t, astuple(one), said) for t, one, said in zip(times, asked, outputs, strict=True)])
    return watched.verdict()


def reference_of(model: Model) -> DriftReference:
    """What its bundle carries."""
    assert model.bundle.drift is not None
    return model.bundle.drift


def drifted(found: LiveDrift | None) -> set[str]:
    """The features that are off."""
    assert found is not None
    return {name for name, one in found.features.items() if one.drifted}


@pytest.mark.parametrize("singly", [False, True])
def test_what_has_changed_is_suspected_once(workspace: Workspace, *, singly: bool) -> None:
    """The gauge passes its threshold, and one event of the window says which features; by either way in."""
    with runtime(workspace, "tiny") as (url, _):
        count = 150 if singly else 400
        post(url, dated(rows(count, weight=heavier)), singly=singly)
        assert until(lambda: bool(told(workspace)), 15, 0.1)
        post(url, dated(rows(count, seed=8, weight=heavier)), singly=singly)
        assert until(lambda: gauges(url, "pulse_drift_rows_total")[""] == 2 * count, 15, 0.1)
        label = '{model="tiny",feature="weight"}'
        scores, limits = (gauges(url, f"pulse_feature_drift{end}") for end in ("", "_threshold"))
        assert scores[label] > limits[label]
        assert set(scores) == set(limits)
        assert gauges(url, "pulse_prediction_drift")
    (event,) = told(workspace)
    assert event.resource == "pulse.model.tiny"
    assert event.payload["name"] == "tiny"
    assert event.payload["features"] == ["weight"]
    assert 100 <= event.payload["rows"] <= count
    assert "2026-03-05" < event.payload["window_end"] < "2026-03-08"


def test_what_has_not_changed_is_not(workspace: Workspace) -> None:
    """Gauges below their thresholds, and no event."""
    with runtime(workspace, "tiny") as (url, _):
        post(url, dated(rows(400)))
        assert until(lambda: bool(gauges(url, "pulse_feature_drift")), 15, 0.1)
        limits = gauges(url, "pulse_feature_drift_threshold")
        for label, score in gauges(url, "pulse_feature_drift").items():
            assert score < limits[label]
        assert gauges(url, "pulse_drift_share") == {'{model="tiny"}': 0.0}
    assert told(workspace) == []


def test_a_restart_neither_forgets_nor_repeats(workspace: Workspace) -> None:
    """The window comes back from the ledger with the first answer; its event was told before."""
    with runtime(workspace, "tiny") as (url, _):
        post(url, dated(rows(400, weight=heavier)))
        assert until(lambda: bool(told(workspace)), 15, 0.1)
    with runtime(workspace, "tiny") as (url, _):
        post(url, [dated(rows(400, weight=heavier))[-1]])
        assert until(lambda: bool(gauges(url, "pulse_drift_share")), 15, 0.1)
        assert gauges(url, "pulse_drift_share")['{model="tiny"}'] > 0.2
    assert len(told(workspace)) == 1


def test_workers_each_see_a_share_and_tell_it_once(workspace: Workspace) -> None:
    """Both judge their own rows; the event of a window is one, and the metrics are of all."""
    with runtime(workspace, "tiny", workers=2) as (url, _):
        records = dated(rows(600, weight=heavier))
        for at in range(30):
            post(url, records[at::30])
        assert until(lambda: gauges(url, "pulse_drift_rows_total")[""] == 600, 20, 0.1)
        assert until(lambda: bool(told(workspace)), 20, 0.1)
        # Either worker may answer for the metrics, and it hears of the other's verdict a moment later.
        assert until(lambda: gauges(url, "pulse_drift_share").get('{model="tiny"}', 0) > 0.2, 20, 0.1)
    assert len(told(workspace)) == 1


def test_too_few_rows_and_too_short_a_time_say_nothing(model: Model) -> None:
    """Below ``min_rows`` there is no verdict, and none where the rows cover but a part of the window."""
    assert judge(model, rows(99, weight=heavier)) is None
    watched = Watched(model, reference_of(model))
    records = dated(rows(800, weight=heavier))[:400]
    asked = [msgspec.convert(record, model.record, strict=False) for record in records]
    said = [output.decode() for output in model.outputs(asked)]
    times = [microseconds(dt.datetime.fromisoformat(one["sent"])) for one in records]
    watched.add([(t, astuple(one), out) for t, one, out in zip(times, asked, said, strict=True)])
    assert watched.verdict() is None


def test_nulls_count(model: Model) -> None:
    """A column that is null for once has drifted, though there is nothing to measure a distance by."""
    found = judge(model, rows(400, distance=None))
    assert "distance" in drifted(found)
    assert found is not None
    assert found.features["distance"].score is None
    assert found.features["distance"].missing == 1.0


def test_a_category_that_training_never_saw(model: Model) -> None:
    """It has no share in the reference, and counts like any other."""
    known = reference_of(model)
    carrier = msgspec.structs.replace(known.features["carrier"], shares={"bike": 0.5, "train": 0.5})
    without = msgspec.structs.replace(known, features={**known.features, "carrier": carrier})
    found = judge(model, rows(400, carrier="van"), without)
    assert "carrier" in drifted(found)
    assert found is not None
    assert found.features["carrier"].score == pytest.approx(0.8326, abs=1e-3)


def test_a_constant_is_drift(model: Model) -> None:
    """And no division by nothing."""
    assert "weight" in drifted(judge(model, rows(400, weight=25.0)))


def test_the_window_moves_on_in_event_time(model: Model) -> None:
    """What is a week old no longer counts, rows in any order do, and one from the far future is left out."""
    watched = Watched(model, reference_of(model))

    def add(records: list[dict[str, Any]], start: dt.datetime) -> int:
        asked = [msgspec.convert(one, model.record, strict=False) for one in dated(records, start)]
        said = [output.decode() for output in model.outputs(asked)]
        times = [microseconds(dt.datetime.fromisoformat(one["sent"])) for one in dated(records, start)]
        found = [(t, astuple(one), out) for t, one, out in zip(times, asked, said, strict=True)]
        random.Random(3).shuffle(found)  # noqa: S311 - test data
        return watched.add(found)

    assert add(rows(400, weight=heavier), AFTER) >= 340
    first = watched.verdict()
    assert first is not None
    assert first.drifted
    add(rows(400), AFTER + 2 * WEEK)
    second = watched.verdict()
    assert second is not None
    assert not second.drifted
    assert second.period == first.period + 2
    assert add(rows(50), AFTER) == 0
    assert add(rows(50), dt.datetime.now(dt.UTC) + 2 * WEEK) == 0


@pytest.mark.parametrize("method", ["ks", "psi", "jensenshannon"])
def test_every_method(tmp_path: Path, method: str) -> None:
    """Calm is calm and drift is drift, whatever the protocol measures by."""
    workspace = drifting_models.project(tmp_path / "project", method)
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion("tiny")
    assert champion is not None
    model = Model.load(open_store(workspace.store), champion, signing_key(workspace))
    assert drifted(judge(model, rows(400))) == set()
    found = judge(model, rows(400, weight=heavier))
    assert drifted(found) == {"weight"}
    assert found is not None
    assert found.drifted


def test_an_old_bundle_is_silent(tmp_path: Path) -> None:
    """Without a reference no record is kept, and no metric is told."""
    workspace = settings.load(tmp_path, environ={})
    promotion = train_and_promote(workspace)
    model = Model.load(open_store(workspace.store), promotion, signing_key(workspace))
    taken = Intake()
    taken.put(job(model, [{"weight": 2.5, "distance": 1.0, "carrier": "van", "stops": 1, "express": True}]))
    assert taken.drain() == ([], 0)


def job(model: Model, records: Sequence[dict[str, Any]]) -> Job:
    """An answered request."""
    asked = [msgspec.convert(record, model.record, strict=False) for record in records]
    made = Job(model, asked, 0, 1, Client())
    answers = [model.answer(one, said) for one, said in zip(asked, model.outputs(asked), strict=True)]
    made.add(asked, answers, [False] * len(asked))
    return made


def test_what_is_too_much_is_sampled_evenly(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The intake is bounded, every record has the same chance, and how many were left out is known."""
    monkeypatch.setattr(intake, "MOST_WAITING", 200)
    taken, asked = Intake(), job(model, rows(50))
    for _ in range(40):
        taken.put(asked)
    kept, skipped = taken.drain()
    assert (len(kept), skipped) == (200, 1800)
    monkeypatch.setattr(intake, "MOST_OF_ONE", 10)
    taken.put(asked)
    kept, skipped = taken.drain()
    assert (len(kept), skipped) == (10, 40)
    assert taken.drain() == ([], 0)


class Broken(Ledger):
    """A ledger that fails in a way that nobody has thought of."""

    def latest_observed(self, model: str, most: int) -> list[Observed]:  # noqa: ARG002 - the signature of what it replaces
        raise RuntimeError("secret")


def test_whatever_fails_fails_here_alone(
    workspace: Workspace, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    """The thread goes on, says what kind of failure it was and nothing of what was asked; nobody waits for it."""
    with open_ledger(workspace.ledger) as ledger:
        ledger.__class__ = Broken
        slot = Slot("tiny", model, 1, Batcher.__new__(Batcher))
        tripwire = Tripwire(ledger, {"tiny": slot}, Metrics(), lambda: None)
        for _ in range(2):
            tripwire.see(job(model, rows(5)))
            assert until(lambda: "RuntimeError" in caplog.text, 5)
            caplog.clear()
        tripwire.close()
    assert "secret" not in caplog.text
    assert slot.drift is None


def test_workers_metrics_are_merged_by_the_greatest(model: Model) -> None:
    """Of two workers the one that sees more drift is told."""
    calm, off = judge(model, rows(400)), judge(model, rows(400, weight=heavier))
    assert calm is not None
    assert off is not None
    texts = [Metrics().render(Now({}, {}, {}, {}, 0.0, drifts={"tiny": found})) for found in (calm, off)]
    label = 'pulse_feature_drift{model="tiny",feature="weight"} '
    (line,) = [one for one in merged(texts, []).splitlines() if one.startswith(label)]
    assert float(line.removeprefix(label)) == off.features["weight"].score


def made_up(model: Model) -> DriftReference:
    """A reference that no feature is ever far from, and answers of three classes that are equally frequent."""
    base = ColumnReference(
        method="wasserstein", weight=0.2, threshold=1e3, typical=0.0, noise=0.0, missing=0.5, missing_spread=1.0,
        deviation=10.0, quantiles=(0.0, 2000.0),
    )  # fmt: skip
    words = msgspec.structs.replace(base, method="jensenshannon", quantiles=None, shares={"van": 1.0})
    answer = msgspec.structs.replace(words, threshold=0.3, shares=dict.fromkeys(("mon", "tue", "wed"), 1 / 3))
    kinds = {name: field.type for name, field in model.protocol.features.items()}
    return DriftReference(
        sample="", sample_sha256="", rows=1_000, window="7 days", window_rows=400, critical=3.0, calm=(),
        features={name: words if kind in ("category", "bool") else base for name, kind in kinds.items()},
        prediction=answer,
    )  # fmt: skip


@pytest.mark.parametrize(("days", "expected"), [(("wed",), True), (("mon", "tue", "wed"), False)])
def test_answers_of_several_classes(tmp_path: Path, days: tuple[str, ...], *, expected: bool) -> None:
    """The likeliest class counts by its name, and answers that have changed are drift by themselves."""
    kind = protocol(task="multiclass-classification", monitoring={"min_rows": 100})
    workspace = settings.load(tmp_path, environ={})
    promotion = train_and_promote(workspace, kind)
    model = Model.load(open_store(workspace.store), promotion, signing_key(workspace))
    watched, step = Watched(model, made_up(model)), int(WEEK.total_seconds() * 1e6) // 300
    said = [json.dumps({"probabilities": {day: float(day == days[at % len(days)]) for day in ("mon", "tue", "wed")}})
            for at in range(300)]  # fmt: skip
    watched.add(
        [(microseconds(AFTER) + at * step, (1.0, None, "van", 3, True), said[at]) for at in range(300)]
    )
    found = watched.verdict()
    assert found is not None
    assert drifted(found) == set()
    assert (found.prediction.drifted, found.drifted) == (expected, expected)
