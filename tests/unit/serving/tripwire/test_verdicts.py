"""What the tripwire says of given records, without a runtime around it."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import astuple

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import open_ledger
from pulse_blocks.serving.merging import merged
from pulse_blocks.serving.metrics import Metrics, Now
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.serving.tripwire.watched import Watched
from pulse_blocks.sketches.reference import ColumnReference, DriftReference
from pulse_blocks.stores import open_store
from tests import drifting_models
from tests.drifting_models import AFTER, WEEK, dated, heavier, microseconds, rows
from tests.served_models import protocol, train_and_promote


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
