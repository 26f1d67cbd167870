"""From any id to its graph and its tree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pulse_blocks import archive
from pulse_blocks.errors import PulseError
from pulse_blocks.ids import kind_of
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.lineage import causing, champions, origin, resolving, rollbacks, standing
from pulse_blocks.lineage.graph import Graph, Sketch, tree
from pulse_blocks.lineage.node import Node, Places
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from pulse_blocks.stores.base import Store


def trace(workspace: Workspace, id_or_prefix: str) -> Node:
    """The tree of an id, or of the only id that ``id_or_prefix`` begins, or of a name.

    An inference, a scoring or a model is traced back to its data; a run shows its data and its models; a snapshot and a
    datasource what stands on them; the name of a protocol its champion. What is missing on the way is said in
    the tree. Raises PulseError ``lineage.no_id``, ``lineage.unknown`` or ``lineage.ambiguous``, and
    UnavailableError where a place is out of reach.
    """
    with open_ledger(workspace.ledger) as ledger:
        return trace_in(ledger, open_store(workspace.store), id_or_prefix)


def trace_in(ledger: Ledger, store: Store, id_or_prefix: str) -> Node:
    """As ``trace``, in places that are open already."""
    return tree(graph(Places(ledger=ledger, store=store), id_or_prefix))


def trace_at(workspace: Workspace, name: str, at: dt.datetime) -> Node:
    """The tree of the model that was champion of ``name`` at a time. Raises PulseError where none was."""
    with open_ledger(workspace.ledger) as ledger:
        places, sketch = Places(ledger=ledger, store=open_store(workspace.store)), Sketch()
        return tree(sketch.graph(champions.champion(sketch, places, name, at)))


def trace_rows(workspace: Workspace, condition: str, within: str | None = None) -> Node:
    """What holds the rows that meet an SQL condition, and what stands on it (see ``touching``)."""
    from pulse_blocks.lineage import touching

    with open_ledger(workspace.ledger) as ledger:
        places, sketch = Places(ledger=ledger, store=open_store(workspace.store)), Sketch()
        return tree(sketch.graph(touching.rows(sketch, places, condition, within)))


def graph(places: Places, id_or_prefix: str) -> Graph:
    """The graph around an id or a name. Raises as ``trace`` does."""
    sketch = Sketch()
    match kind_of(id_or_prefix):
        case "inference":
            root = origin.inference(sketch, places, id_or_prefix)
        case "scoring":
            root = origin.scoring(sketch, places, id_or_prefix)
        case "model":
            root = resolving.model_id(places, id_or_prefix)
            origin.model(sketch, places, root)
            rollbacks.to(sketch, places, root)
            counted = standing.Descent(places).standing([root])
            sketch.add("model", root, {"standing": {k: v for k, v in counted.items() if k != "models"}})
        case "run":
            root = _run(sketch, places, resolving.run_id(places, id_or_prefix))
        case "snapshot":
            root = resolving.snapshot_id(places, id_or_prefix)
            descent = standing.Descent(places)
            models = descent.snapshot(sketch, root)
            sketch.add("snapshot", root, {"standing": descent.standing(models)})
            for restore in places.ledger.restores(root):
                sketch.link(causing.draw_restore(sketch, restore), "brought back", root)
        case "cause":
            root = _cause(sketch, places, id_or_prefix)
        case None:
            root = _name(sketch, places, id_or_prefix)
    return sketch.graph(root)


def inferences_on(places: Places, id_or_prefix: str) -> Iterator[str]:
    """The ids of all inferences that stand on something, model by model, those in files last; streamed."""
    for model in _models_on(places, id_or_prefix):
        yield from places.ledger.inference_ids(model)
        yield from archive.ids_of(places.ledger, places.store, model)


def deleted_on(places: Places, id_or_prefix: str) -> int:
    """How many inferences that stood on something retention has deleted: ``inferences_on`` cannot give their ids."""
    models = _models_on(places, id_or_prefix)
    gone = (file for file in places.ledger.inference_files() if file.deleted is not None)
    return sum(file.models.get(model, 0) for file in gone for model in models)


def _models_on(places: Places, id_or_prefix: str) -> list[str]:
    match kind_of(id_or_prefix):
        case "inference" | "scoring" | "cause":
            raise PulseError(
                "lineage.nothing_stands",
                f"No other inference stands on {id_or_prefix}.",
                "Give a snapshot, a run, a model or a datasource.",
            )
        case "model":
            return [resolving.model_id(places, id_or_prefix)]
        case "run":
            return standing.Descent(places).models_of(resolving.run_id(places, id_or_prefix))
        case "snapshot":
            found = [resolving.snapshot_id(places, id_or_prefix)]
        case None:
            found = standing.snapshots_of(places, id_or_prefix)
            if not found:
                raise resolving.no_id(places, id_or_prefix)
    return standing.Descent(places).models_on(found)


def _run(sketch: Sketch, places: Places, run_id: str) -> str:
    descent = standing.Descent(places)
    models = descent.run(sketch, run_id)
    snapshot = descent.snapshot_of(run_id)
    origin.snapshot(sketch, places, snapshot)
    sketch.link(run_id, "trained on", snapshot)
    trained = descent.trained.get(run_id)
    origin.caused(sketch, places, run_id, trained.restored if trained else None)
    sketch.add("run", run_id, {"standing": descent.standing(models)})
    return run_id


def _name(sketch: Sketch, places: Places, name: str) -> str:
    """A datasource, or else a protocol with a champion."""
    snapshots = standing.snapshots_of(places, name)
    if not snapshots:
        if places.ledger.champion(name) is None:
            raise resolving.no_id(places, name)
        return champions.champion(sketch, places, name, dt.datetime.now(dt.UTC))
    descent, models = standing.Descent(places), []
    for one in snapshots:
        models += descent.snapshot(sketch, one)
        sketch.link(one, "read from", name)
    counted = {"snapshots": len(snapshots), "standing": descent.standing(models)}
    sketch.add("datasource", name, counted)
    return name


def _cause(sketch: Sketch, places: Places, cause: str) -> str:
    """A drift check, a regression or a restore with the runs that came of it; a rollback with its model."""
    descent = standing.Descent(places)
    if (rollback := rollbacks.numbered(places, cause)) is not None:
        rollbacks.draw(sketch, places, rollback)
        origin.model(sketch, places, rollback.model)
        sketch.link(cause, "brought back", rollback.model)
        return cause
    if (restore := causing.restore(places, cause)) is not None and restore.snapshot is not None:
        causing.draw_restore(sketch, restore)
        origin.snapshot(sketch, places, restore.snapshot)
        sketch.link(cause, "brought back", restore.snapshot)
        said = causing.sentence(restore)
        came = [run for run, one in descent.trained.items() if one.restored == said]
    else:
        came = causing.runs_of(sketch, places, cause)
        rollbacks.because_of(sketch, places, cause)
    for run in came:
        descent.run(sketch, run)
        sketch.link(run, "caused by", cause)
    return cause
