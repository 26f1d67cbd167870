"""From any id to its tree."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import kind_of
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.lineage import origin, resolving, standing
from pulse_blocks.lineage.node import Node, Places
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from pulse_blocks.stores.base import Store


def trace(workspace: Workspace, id_or_prefix: str) -> Node:
    """The tree of an id, or of the only id that ``id_or_prefix`` begins.

    An inference or a model is traced back to its data; a run shows its data and its models; a snapshot what
    stands on it. What is missing on the way is said in the tree. Raises PulseError ``lineage.no_id``,
    ``lineage.unknown`` or ``lineage.ambiguous``, and UnavailableError where a place is out of reach.
    """
    with open_ledger(workspace.ledger) as ledger:
        return trace_in(ledger, open_store(workspace.store), id_or_prefix)


def trace_in(ledger: Ledger, store: Store, id_or_prefix: str) -> Node:
    """As ``trace``, in places that are open already."""
    places = Places(ledger=ledger, store=store)
    match kind_of(id_or_prefix):
        case "inference":
            return origin.inference(places, id_or_prefix)
        case "model":
            return origin.model(places, resolving.model_id(places, id_or_prefix))
        case "run":
            return standing.run(places, resolving.run_id(places, id_or_prefix))
        case "snapshot":
            return standing.snapshot(places, resolving.snapshot_id(places, id_or_prefix))
        case None:
            raise PulseError(
                "lineage.no_id",
                f"{id_or_prefix!r} is not an id of Pulse.",
                "Ids look like inference_01jd..., snap_9f2c..., run_5d0c... and flight-delay@1.0.0-3fa94c1.",
            )
