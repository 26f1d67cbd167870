"""A small model that is champion, with a reference for drift, and a ledger of what it was asked."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import pyarrow as pa

from pulse_blocks import bundle as bundles
from pulse_blocks import ids, settings
from pulse_blocks.bundle import Bundle, RunFacts, SnapshotFacts
from pulse_blocks.bundle.signing import sign, signing_key
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.protocol import loading, spec
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.window import resolve
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.reading import load, tables
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.ingest import ingest
from pulse_blocks.stores import open_store
from pulse_blocks.training.encoding import labels, matrix
from pulse_blocks.training.monitoring import drift_reference
from tests.tiny_project import PROTOCOL, make_project

MONITORING = """\
monitoring:
  window: {days: 7}
  min_rows: 100
  features: {method: METHOD}
  performance: {metric: roc_auc, max_drop: 0.1}
  persistence: 2
  cooldown: 6h
  on_drift: retrain
"""
WEEK = dt.timedelta(days=7)
# The first moment after the training data.
AFTER = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def project(folder: Path, method: str = "wasserstein", **words: str) -> Workspace:
    """The tiny project with a monitoring section, its model trained and promoted without MLflow.

    ``words`` replace others in the monitoring section.
    """
    section = MONITORING.replace("METHOD", method)
    for old, new in words.items():
        section = section.replace(old.replace("_", " "), new)
    make_project(folder, PROTOCOL + section)
    workspace = settings.load(folder, environ={})
    migrate(workspace.ledger)
    promote(workspace)
    return workspace


def promote(workspace: Workspace, seed: int = 1) -> str:
    """Train on the parcels and make the model champion; returns its id."""
    protocol = loading.load(loading.find(workspace, "tiny"))
    store = open_store(workspace.store)
    window = resolve(protocol, None, None, dt.datetime.now(dt.UTC))
    context = Context(protocol=protocol, workspace=workspace, window=window, attempt="attempt")
    snapshot = load(store, commit(store, ingest(window, context)).id)
    rows = pa.concat_tables(tables(store, snapshot))
    data, truth = matrix(rows, features(protocol)), labels(rows.column("late"), protocol)
    params = {"objective": "binary", "num_leaves": 7, "verbosity": -1, "seed": seed, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(data, truth, categorical_feature=[2]), 20 + seed)
    text = booster.model_to_string().encode()
    gain = booster.feature_importance("gain")
    importance = {c.name: float(g / gain.sum()) for c, g in zip(features(protocol), gain, strict=True)}
    digest = hashlib.sha256(text).hexdigest()
    store.put(f"models/{digest}.txt", text)
    trees = hashlib.sha256(text.partition(b"\nparameters:")[0]).hexdigest()
    made = Bundle(
        model=ids.model_id("tiny", "1.0.0", trees),
        name="tiny",
        protocol=msgspec.Raw(spec.to_json(protocol)),
        text=f"models/{digest}.txt",
        text_sha256=digest,
        trees=trees,
        run=RunFacts(
            id="run_5d0c8e1f2a3b",
            tracking_run="5d0c8e1f2a3b" + "0" * 20,
            started="2026-03-01T02:00:00Z",
            seconds=1.0,
            metrics={"roc_auc": 0.85},
        ),
        snapshot=SnapshotFacts(
            id=snapshot.id,
            hash=snapshot.hash,
            datasource="parcels",
            created=snapshot.created,
            rows=rows.num_rows,
        ),
        created="2026-03-01T02:05:00Z",
        drift=drift_reference(protocol, snapshot, store, text, importance),
    )
    key, sha256 = bundles.write(store, made)
    signature = sign(
        signing_key(workspace, create=True), name="tiny", model=made.model, bundle=key, sha256=sha256
    )
    with open_ledger(workspace.ledger) as ledger:
        ledger.promote(
            name="tiny",
            model=made.model,
            bundle=key,
            bundle_sha256=sha256,
            version="1",
            run=made.run.id,
            attempt=None,
            reason="test",
            who="tests",
            signature=signature,
        )
    return made.model


def rows(count: int, seed: int = 7, **changed: Any) -> list[dict[str, Any]]:
    """Records like those of the training data; ``changed`` fixes features, or is called for each row's value."""
    draw = random.Random(seed)  # noqa: S311 - test data
    found = []
    for _ in range(count):
        record: dict[str, Any] = {
            "weight": round(draw.uniform(0, 50), 2),
            "distance": None if draw.random() < 0.05 else round(draw.uniform(0, 2000), 1),
            "carrier": draw.choice(["bike", "train", "van"]),
            "express": draw.random() < 0.3,
        }
        record |= {name: value(draw) if callable(value) else value for name, value in changed.items()}
        found.append(record)
    return found


def late(record: dict[str, Any], draw: random.Random) -> bool:
    """What turns out to be true about a record, by the rule of the training data."""
    score = record["weight"] / 25 + (record["distance"] or 900) / 900 - 2 * record["express"]
    return score + draw.gauss(0, 0.7) > 2


def ask(
    workspace: Workspace,
    records: list[dict[str, Any]],
    start: dt.datetime,
    length: dt.timedelta = WEEK,
    *,
    event_time: bool = True,
    name: str = "tiny",
) -> list[str]:
    """Put answers of the champion of ``name`` into the ledger, evenly over a window; returns their ids.

    Without ``event_time`` they have only the time of their arrival, which is then spread.
    """
    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion(name)
        assert champion is not None
        model = Model(bundles.load(store, champion.bundle, champion.bundle_sha256))
        asked = [msgspec.convert(record, model.record) for record in records]
        outputs = model.outputs(asked)
        step = length / len(records)
        kept = []
        for at, (record, output) in enumerate(zip(asked, outputs, strict=True)):
            text = msgspec.json.encode(record)
            time = microseconds(start + at * step)
            kept.append(
                (
                    ids.new_inference_id(), time, time if event_time else None, None, model.id, text.decode(),
                    output.decode(), hashlib.sha256(text).digest(), hashlib.sha256(output).digest(), 10, 0,
                )
            )  # fmt: skip
        ledger.append(kept)
    return [row[0] for row in kept]


def label(workspace: Workspace, inferences: list[str], values: list[Any]) -> None:
    """Let labels come in."""
    found = [
        NewLabel(inference=one, value=msgspec.json.encode(value).decode())
        for one, value in zip(inferences, values, strict=True)
    ]
    with open_ledger(workspace.ledger) as ledger:
        ledger.label(found)


def microseconds(time: dt.datetime) -> int:
    """Since 1970."""
    return int(time.timestamp() * 1_000_000)


def heavier(draw: random.Random) -> float:
    """Weights from another place."""
    return round(draw.uniform(30, 50), 2)


def dated(records: Sequence[dict[str, Any]], start: dt.datetime = AFTER) -> list[dict[str, Any]]:
    """The records with event times spread over a week."""
    step = WEEK / len(records)
    return [{**record, "sent": (start + at * step).isoformat()} for at, record in enumerate(records)]
