"""From the data towards predictions: what stands on a run, what stands on a snapshot."""

from __future__ import annotations

from pulse_blocks.lineage import origin
from pulse_blocks.lineage.node import Node, Places
from pulse_blocks.records import StoredModel, TrainedModel, from_json


def run(places: Places, run_id: str) -> Node:
    """A run with its snapshot and the models that came of it."""
    rows = places.ledger.stage_rows(run_id, "train")
    trained = from_json(rows[0].record, TrainedModel)
    below = (origin.snapshot(places, trained.snapshot), *_models(places, run_id))
    return origin.run(origin.facts_of(trained), below)


def snapshot(places: Places, snapshot_id: str) -> Node:
    """A snapshot with the runs that were trained on it, the oldest first, and their models."""
    runs = {
        trained.run: trained
        for row in places.ledger.stage_rows("run_", "train")
        if (trained := from_json(row.record, TrainedModel)).snapshot == snapshot_id
    }
    below = tuple(
        origin.run(origin.facts_of(trained), _models(places, trained.run)) for trained in runs.values()
    )
    return origin.snapshot(places, snapshot_id, children=below)


def _models(places: Places, run_id: str) -> tuple[Node, ...]:
    """The models that a run has stored, each with the number of inferences it has made."""
    rows = places.ledger.stage_rows("", "store")
    models = dict.fromkeys(row.record_id for row in rows if from_json(row.record, StoredModel).run == run_id)
    counts = places.ledger.inference_counts(models)
    return tuple(
        Node(kind="model", id=model, facts={**origin.names(model), "inferences": counts[model]})
        for model in models
    )
