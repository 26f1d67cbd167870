"""From the data towards predictions: what stands on a datasource, a snapshot, a run or a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pulse_blocks.lineage import origin
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, time_of
from pulse_blocks.lineage.noted import noted
from pulse_blocks.lineage.resolving import sound_snapshots
from pulse_blocks.records import RefusedModel, SnapshotRef, StoredModel, TrainedModel


class Descent:
    """What the ledger knows of runs and models, read once, however many snapshots are asked about."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self.trained = {one.run: one for one in noted(places, TrainedModel)}
        refused = noted(places, RefusedModel)
        self.refused = {one.run: one for one in refused if one.run not in self.trained}
        self._models: dict[str, dict[str, None]] = {}
        self._counts: dict[str, int] = {}
        self._filed: Counter[str] | None = None
        for stored in noted(places, StoredModel):
            self._models.setdefault(stored.run, {})[stored.model] = None

    def run(self, sketch: Sketch, run_id: str) -> list[str]:
        """Draw a run and the models that came of it; returns their ids."""
        if run_id in self.refused:
            origin.refused_run(sketch, self.refused[run_id])
            return []
        origin.run(sketch, origin.facts_of(self.trained[run_id]))
        models = self.models_of(run_id)
        for model in models:
            sketch.add("model", model, {**origin.names(model), "inferences": self.inferences(model)})
            sketch.link(model, "trained by", run_id)
        return models

    def snapshot(self, sketch: Sketch, snapshot_id: str) -> list[str]:
        """Draw a snapshot, the runs on it, the oldest first, and their models; returns the models' ids."""
        origin.snapshot(sketch, self._places, snapshot_id)
        models: list[str] = []
        for run_id in self.runs_on(snapshot_id):
            models += self.run(sketch, run_id)
            sketch.link(run_id, "trained on", snapshot_id)
        return models

    def runs_on(self, snapshot_id: str) -> list[str]:
        """The runs that were trained on a snapshot, refused ones among them, the oldest first."""
        runs: dict[str, TrainedModel | RefusedModel] = {**self.trained, **self.refused}
        found = [one for one in runs.values() if one.snapshot == snapshot_id]
        return [one.run for one in sorted(found, key=lambda one: one.started)]

    def snapshot_of(self, run_id: str) -> str:
        """The data of a run."""
        return (self.trained.get(run_id) or self.refused[run_id]).snapshot

    def models_on(self, snapshot_ids: Iterable[str]) -> list[str]:
        """The models of these snapshots, without drawing them."""
        runs = [run for one in snapshot_ids for run in self.runs_on(one)]
        return list(dict.fromkeys(model for run in runs for model in self._models.get(run, ())))

    def models_of(self, run_id: str) -> list[str]:
        """The models of a run, without drawing them."""
        return list(self._models.get(run_id, ()))

    def inferences(self, model: str) -> int:
        """How many inferences a model has made, in batches too. Counted once: that reads an index to its end."""
        if model not in self._counts:
            if self._filed is None:
                self._filed = self._places.ledger.filed_counts()
            rows = self._places.ledger.inference_counts([model])
            self._counts[model] = rows[model] + self._filed[model]
        return self._counts[model]

    def standing(self, models: Iterable[str]) -> dict[str, Any]:
        """How much stands on something: ``models``, ``inferences``, ``live_since``."""
        distinct = dict.fromkeys(models)
        names = {one.partition("@")[0] for one in distinct}
        since = [at for name in names if (at := _live(self._places, name, distinct))]
        return {
            "models": len(distinct),
            "inferences": sum(map(self.inferences, distinct)),
            "live_since": time_of(min(since)) if since else None,
        }


def snapshots_of(places: Places, datasource: str) -> list[str]:
    """The snapshots that were read from a datasource, the oldest first; the ledger remembers lost ones."""
    found = {one.id: one.created for one in sound_snapshots(places) if one.datasource == datasource}
    for ref in noted(places, SnapshotRef):
        if ref.datasource == datasource:
            found.setdefault(ref.id, ref.created)
    return sorted(found, key=lambda one: (found[one], one))


def _live(places: Places, name: str, models: Iterable[str]) -> int | None:
    """Since when the champion of a name has been one of these models without a break."""
    since = None
    for promotion in reversed(places.ledger.promotions(name)):
        if promotion.model not in models:
            break
        since = promotion.at
    return since
