"""On real flights the tripwire's sketches say what Evidently says of the rows themselves."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import bundle, ids, settings
from pulse_blocks.archive.windows import ModelAnswers
from pulse_blocks.demo.flights import write_flights
from pulse_blocks.drift.looking import ModelWindows
from pulse_blocks.drift.page import draw
from pulse_blocks.ledger import open_ledger
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire.panes import Numbers
from pulse_blocks.serving.tripwire.watched import Watched
from pulse_blocks.settings import Workspace
from pulse_blocks.sketches import kll
from pulse_blocks.stores import open_store
from tests import six_stages
from tests.drifting_models import WEEK, microseconds

ROOT = Path(__file__).parents[3]
APRIL, JUNE = (dt.datetime(2013, month, 1, tzinfo=dt.UTC) for month in (4, 6))


def project(folder: Path) -> Workspace:
    """A year of flights, and the demo's protocol."""
    (folder / "protocols").mkdir()
    (folder / ".pulse").mkdir()
    shutil.copy(ROOT / "protocols" / "flight-delay.yaml", folder / "protocols")
    (folder / ".pulse" / "workspace.toml").write_text('[datasources.flights]\nurl = "sqlite:///flights.db"\n')
    write_flights(folder / "flights.db")
    return settings.load(folder, environ={})


def week(path: Path, model: Model, start: dt.datetime) -> list[msgspec.Struct]:
    """What the model would have been asked in a week."""
    names = [*model.protocol.features, "scheduled"]
    with sqlite3.connect(path) as db:
        found = db.execute(
            f"select {', '.join(names)} from flights where scheduled >= ? and scheduled < ? and late is not null",  # noqa: S608 - names of ours
            [f"{time:%Y-%m-%d %H:%M:%S}" for time in (start, start + WEEK)],
        ).fetchall()
    db.close()
    records = []
    for row in found:
        raw: dict[str, Any] = dict(zip(names, row, strict=True))
        raw["scheduled"] = raw["scheduled"].replace(" ", "T") + "Z"
        records.append(msgspec.convert(raw, model.record, strict=False))
    return records


@pytest.mark.long
def test_the_tripwire_agrees_with_evidently(tmp_path: Path) -> None:
    """A calm week of April and one of June: the same verdicts, and every distance within the sketch's bound."""
    workspace = project(tmp_path)
    done = six_stages.run(workspace, "flight-delay")
    store = open_store(workspace.store)
    loaded = bundle.load(store, done.stored.bundle, done.stored.bundle_sha256)
    model, reference = Model(loaded), loaded.bundle.drift
    assert reference is not None
    with open_ledger(workspace.ledger) as ledger:
        windows = ModelWindows(
            loaded, loaded.protocol.monitoring, ModelAnswers(ledger, store, model.id), store
        )
        for start, expected in ((APRIL, False), (JUNE, True)):
            ledger.append(
                [
                    (
                        ids.new_inference_id(), microseconds(start),
                        (asked := model.encoder.origin(record))[0], asked[1], model.id,
                        (text := msgspec.json.encode(record)).decode(), output.decode(),
                        hashlib.sha256(text).digest(), hashlib.sha256(output).digest(), 10, 0,
                    )
                    for records in [week(tmp_path / "flights.db", model, start)]
                    for record, output in zip(records, model.outputs(records), strict=True)
                ]
            )  # fmt: skip
            theirs = windows.look((microseconds(start), microseconds(start + WEEK)))
            # Raises where a distance that Evidently measures is not that of the look.
            assert "Drift in column" in draw(theirs.compared)
            watched = Watched(model, reference)
            for rows in watched.recall(ledger):
                watched.add(rows)
            ours = watched.verdict()
            assert ours is not None
            assert ours.rows == theirs.used
            assert (ours.drifted, theirs.judged.drifted) == (expected, expected)
            assert ours.share == pytest.approx(theirs.judged.share, abs=0.05)
            assert ours.prediction.score == pytest.approx(theirs.prediction.score, abs=0.03)
            for (name, one), column in zip(
                theirs.features.items(), watched.panes.together().columns, strict=False
            ):
                known = reference.features[name]
                bound = kll.error_bound(known, column.sketch) if isinstance(column, Numbers) else 1e-6
                assert ours.features[name].score == pytest.approx(one.score, abs=bound), name
