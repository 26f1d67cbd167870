"""From a prediction towards the data: inference, model, run, snapshot."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pulse_blocks import bundle as bundles
from pulse_blocks import ids
from pulse_blocks.bundle import Bundle, RunFacts, SnapshotFacts
from pulse_blocks.bundle.files import key_of
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.rows import CACHED, FALLBACK, Inference
from pulse_blocks.lineage import arrivals, causing, scored
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, sha256, time_of
from pulse_blocks.lineage.noted import noted
from pulse_blocks.records import RefusedModel, Snapshot, StoredModel, TrainedModel
from pulse_blocks.times import iso


def inference(sketch: Sketch, places: Places, id_or_prefix: str) -> str:
    """Draw an inference and all that it stands on; returns its id."""
    row, file = _inference(places, id_or_prefix)
    facts: dict[str, Any] = {
        "time": time_of(row.at),
        "event_time": None if row.event_time is None else time_of(row.event_time),
        "source_key": row.source_key,
        "input_hash": sha256(row.input_sha256),
        "output_hash": sha256(row.output_sha256),
        "latency_ms": row.latency_us / 1000,
        "cached": bool(row.flags & CACHED),
        "fallback": bool(row.flags & FALLBACK),
    }
    if labels := places.ledger.labels(row.id):
        facts["label"] = msgspec.json.decode(labels[-1].value)
    if file is not None and file.scoring is None:
        facts["archived"] = {"at": time_of(file.at), "file": places.store.locate(file.key)}
    sketch.add("inference", row.id, facts)
    sketch.link(row.id, "answered by", row.model)
    model(sketch, places, row.model)
    if file is not None:
        scored.part_of(sketch, places, row.id, file)
    return row.id


def scoring(sketch: Sketch, places: Places, id_or_prefix: str) -> str:
    """Draw a scoring and all that it stands on; returns its id."""
    row = places.ledger.scoring(id_or_prefix)
    scored.facts(sketch, places, row)
    sketch.link(row.id, "answered by", row.model)
    model(sketch, places, row.model)
    return row.id


def _inference(places: Places, id_or_prefix: str) -> tuple[Inference, InferenceFile | None]:
    """The row and the file it is in. Where there is none, the time in the id says why that may be."""
    try:
        return scored.inference(places, id_or_prefix)
    except PulseError as error:
        if error.code != "lineage.unknown":
            raise
        try:
            made = iso(ids.inference_time(id_or_prefix))
        except ValueError:
            raise error from None
        if gone := scored.deleted(places, id_or_prefix):
            raise PulseError(
                error.code, f"{id_or_prefix}, made at {made}, is not there: {gone}", error.hint
            ) from None
        oldest = places.ledger.oldest_inference()
        begins = iso(ids.inference_time(oldest)) if oldest else None
        holds = f"this ledger begins at {begins}" if begins else "this ledger holds no inference at all"
        raise PulseError(
            error.code, f"The ledger knows no inference {id_or_prefix}, made at {made}: {holds}.", error.hint
        ) from None


def model(sketch: Sketch, places: Places, model_id: str) -> None:
    """Draw a model, its run and its snapshot: by its bundle, or by the ledger where the bundle is gone."""
    facts: dict[str, Any] = names(model_id)
    found, missing = _bundle(places, model_id)
    trained = None if found is not None else _trained(places, model_id)
    if found is None and trained is None:
        missing = f"{missing} The ledger knows no training of it either: it was made in another workspace."
    if missing:
        facts["missing"] = missing
    made_by = found or trained
    if made_by is not None:
        facts["trees_hash"] = sha256(made_by.trees)
        if made_by.threshold is not None:
            facts["threshold"] = made_by.threshold
    if came := arrivals.facts(places, model_id):
        facts["arrived"] = came
    sketch.add("model", model_id, facts)
    if found is not None:
        _below(sketch, places, model_id, found.run, found.snapshot.id, found.snapshot)
    elif trained is not None:
        _below(sketch, places, model_id, facts_of(trained), trained.snapshot)


def names(model_id: str) -> dict[str, str]:
    """What a model's id itself says: ``name`` and ``version`` of its protocol."""
    name, _, rest = model_id.partition("@")
    return {"name": name, "version": rest.rpartition("-")[0]}


def run(sketch: Sketch, found: RunFacts) -> None:
    """Draw a training run, its metrics by name."""
    facts = {
        "started": found.started,
        "seconds": found.seconds,
        "metrics": dict(sorted(found.metrics.items())),
        "tracking_run": found.tracking_run,
    }
    if found.restored:
        facts["restored"] = found.restored
    sketch.add("run", found.id, facts)


def caused(sketch: Sketch, places: Places, run_id: str, restored: str | None) -> None:
    """Draw what made a run: the drift check that asked for it, and the restore (in its words) of the data it had.

    Nothing where a person or the schedule did, on data that were read anew.
    """
    rows = places.ledger.stage_rows(run_id, "train")
    used = places.ledger.cause_of(rows[0].attempt) if rows else None
    if used is not None:
        sketch.add("run", run_id, {"cause": used.id})
        causing.draw(sketch, places, used.id)
        sketch.link(run_id, "caused by", used.id)
    if restored and (brought := causing.restore_behind(places, restored)):
        causing.draw_restore(sketch, brought)
        sketch.link(run_id, "caused by", ids.restore_id(brought.seq))


def refused_run(sketch: Sketch, found: RefusedModel) -> None:
    """Draw a run that gave no model, with what is known of it."""
    facts: dict[str, Any] = {"started": found.started, "seconds": found.seconds}
    if found.metrics is not None:
        facts["metrics"] = dict(sorted(found.metrics.items()))
    facts |= {"tracking_run": found.tracking_run, "refused": found.reason}
    sketch.add("run", found.run, facts)


def snapshot(sketch: Sketch, places: Places, snapshot_id: str, known: SnapshotFacts | None = None) -> None:
    """Draw a snapshot by its manifest; by what its model's bundle says of it where the manifest is gone."""
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
    if elsewhere := arrivals.reference(places, snapshot_id):
        facts["kept"] = f"by reference in {elsewhere[1]}, the store of the workspace {elsewhere[0]}"
    sketch.add("snapshot", snapshot_id, facts)


def facts_of(trained: TrainedModel) -> RunFacts:
    """What a bundle would say of the run."""
    return RunFacts(
        id=trained.run,
        tracking_run=trained.tracking_run,
        started=trained.started,
        seconds=trained.seconds,
        metrics=trained.metrics,
        restored=trained.restored,
        environment=trained.environment,
    )


def stored(places: Places, model_id: str) -> list[StoredModel]:
    """The records of a model's store stages, the oldest first: one a run that gave these trees."""
    return [one for one in noted(places, StoredModel, model_id) if one.model == model_id]


def _below(
    sketch: Sketch,
    places: Places,
    model_id: str,
    by: RunFacts,
    snapshot_id: str,
    known: SnapshotFacts | None = None,
) -> None:
    run(sketch, by)
    sketch.link(model_id, "trained by", by.id)
    caused(sketch, places, by.id, by.restored)
    snapshot(sketch, places, snapshot_id, known)
    sketch.link(model_id, "trained on", snapshot_id)


def _bundle(places: Places, model_id: str) -> tuple[Bundle | None, str | None]:
    """The bundle, and what is wrong with it in words. A bundle is not believed where its hash differs."""
    key = key_of(model_id)
    try:
        data = places.store.get(key)
        expected = {one.bundle_sha256 for one in stored(places, model_id)}
        if expected and hashlib.sha256(data).hexdigest() not in expected:
            return None, f"its bundle {places.store.locate(key)} is not the one that was stored."
        return bundles.parse(data, places.store.locate(key))[0], None
    except UnavailableError:
        raise
    except PulseError as error:
        return None, f"its bundle cannot be read. {error.message}"


def _trained(places: Places, model_id: str) -> TrainedModel | None:
    """The training of a model's first run."""
    for one in stored(places, model_id):
        for trained in noted(places, TrainedModel, one.run):
            return trained
    return None
