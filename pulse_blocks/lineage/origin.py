"""From a prediction towards the data: inference, model, run, snapshot."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import Bundle, RunFacts, SnapshotFacts
from pulse_blocks.bundle.files import key_of
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger.rows import CACHED, FALLBACK
from pulse_blocks.lineage.node import Node, Places, sha256
from pulse_blocks.records import Snapshot, StoredModel, TrainedModel, from_json, iso


def inference(places: Places, id_or_prefix: str) -> Node:
    """An inference and all that it stands on."""
    row = places.ledger.inference(id_or_prefix)
    facts = {
        "time": _time(row.at),
        "event_time": None if row.event_time is None else _time(row.event_time),
        "source_key": row.source_key,
        "input_hash": sha256(row.input_sha256),
        "output_hash": sha256(row.output_sha256),
        "latency_ms": row.latency_us / 1000,
        "cached": bool(row.flags & CACHED),
        "fallback": bool(row.flags & FALLBACK),
    }
    return Node(kind="inference", id=row.id, facts=facts, children=(model(places, row.model),))


def model(places: Places, model_id: str) -> Node:
    """A model with its run and its snapshot: by its bundle, or by the ledger where the bundle is gone."""
    facts: dict[str, Any] = names(model_id)
    found, missing = _bundle(places, model_id)
    if missing:
        facts["missing"] = missing
    children: tuple[Node, ...] = ()
    if found is not None:
        facts["trees_hash"] = sha256(found.trees)
        children = (run(found.run), snapshot(places, found.snapshot.id, found.snapshot))
    elif (trained := _trained(places, model_id)) is not None:
        facts["trees_hash"] = sha256(trained.trees)
        children = (run(facts_of(trained)), snapshot(places, trained.snapshot))
    return Node(kind="model", id=model_id, facts=facts, children=children)


def names(model_id: str) -> dict[str, str]:
    """What a model's id itself says: ``name`` and ``version`` of its protocol."""
    name, _, rest = model_id.partition("@")
    return {"name": name, "version": rest.rpartition("-")[0]}


def run(found: RunFacts, children: tuple[Node, ...] = ()) -> Node:
    """A training run, its metrics by name."""
    facts = {
        "started": found.started,
        "seconds": found.seconds,
        "metrics": dict(sorted(found.metrics.items())),
        "tracking_run": found.tracking_run,
    }
    return Node(kind="run", id=found.id, facts=facts, children=children)


def snapshot(
    places: Places, snapshot_id: str, known: SnapshotFacts | None = None, children: tuple[Node, ...] = ()
) -> Node:
    """A snapshot by its manifest; by what its model's bundle says of it where the manifest is gone."""
    from pulse_blocks.snapshots.reading import load

    found: Snapshot | SnapshotFacts | None = known
    facts: dict[str, Any] = {}
    try:
        found = load(places.store, snapshot_id)
    except UnavailableError:
        raise
    except PulseError as error:
        facts["missing"] = f"its manifest cannot be read. {error.message}"
    if found is not None:
        facts |= {
            "datasource": found.datasource,
            "created": found.created,
            "rows": found.rows,
            "hash": sha256(found.hash),
        }
    return Node(kind="snapshot", id=snapshot_id, facts=facts, children=children)


def facts_of(trained: TrainedModel) -> RunFacts:
    """What a bundle would say of the run."""
    return RunFacts(
        id=trained.run,
        tracking_run=trained.tracking_run,
        started=trained.started,
        seconds=trained.seconds,
        metrics=trained.metrics,
    )


def _bundle(places: Places, model_id: str) -> tuple[Bundle | None, str | None]:
    """The bundle, and what is wrong with it in words. A bundle is not believed where its hash differs."""
    key = key_of(model_id)
    try:
        data = places.store.get(key)
        expected = {stored.bundle_sha256 for stored in _stored(places, model_id)}
        if expected and hashlib.sha256(data).hexdigest() not in expected:
            return None, f"its bundle {places.store.locate(key)} is not the one that was stored"
        return bundles.parse(data, places.store.locate(key))[0], None
    except UnavailableError:
        raise
    except PulseError as error:
        return None, f"its bundle cannot be read. {error.message}"


def _stored(places: Places, model_id: str) -> list[StoredModel]:
    rows = places.ledger.stage_rows(model_id, "store")
    return [from_json(row.record, StoredModel) for row in rows if row.record_id == model_id]


def _trained(places: Places, model_id: str) -> TrainedModel | None:
    """The training of a model's first run."""
    for stored in _stored(places, model_id):
        for row in places.ledger.stage_rows(stored.run, "train"):
            return from_json(row.record, TrainedModel)
    return None


def _time(microseconds: int) -> str:
    return iso(dt.datetime.fromtimestamp(microseconds / 1e6, dt.UTC))
