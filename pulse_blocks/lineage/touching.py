"""These rows of the source were wrong: which snapshots hold them, and which models and predictions stand on those?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ids import kind_of
from pulse_blocks.lineage import resolving, standing
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places
from pulse_blocks.lineage.noted import noted
from pulse_blocks.lineage.searching import Hits, Search
from pulse_blocks.records import Snapshot, ValidatedData


def rows(sketch: Sketch, places: Places, condition: str, within: str | None = None) -> str:
    """Draw what holds the rows that meet ``condition``, and what stands on it; returns the root.

    ``within`` narrows the search to a datasource or a snapshot. Raises PulseError ``lineage.condition`` where
    the condition cannot be evaluated, in words that say why. What cannot be read is told.
    """
    search = Search(places.store, condition)
    descent, models = standing.Descent(places), []
    holding = 0
    for snapshot in _snapshots(places, within, search):
        hits = search.in_snapshot(snapshot)
        if not hits.chunks:
            continue
        models += descent.snapshot(sketch, snapshot.id)
        facts = {"matching": len(hits.rows), "chunks": hits.chunks}
        sketch.add("snapshot", snapshot.id, facts | _quarantined(places, snapshot, hits, search))
        sketch.link(snapshot.id, "holds", condition)
        holding += 1
    facts = {**search.result(), "snapshots": holding, "standing": descent.standing(models)}
    sketch.add("rows", condition, facts)
    return condition


def _quarantined(places: Places, snapshot: Snapshot, hits: Hits, search: Search) -> dict[str, int]:
    """How many of the rows the newest validation set aside: no model was trained on those."""
    import numpy as np

    from pulse_blocks.validation import quarantined_rows

    verdicts = noted(places, ValidatedData, snapshot.id)
    if not verdicts:
        return {}
    try:
        aside: Any = quarantined_rows(places.store, verdicts[-1])
    except UnavailableError:
        raise
    except PulseError as error:
        search.problems.append(f"The quarantine of {snapshot.id} cannot be read. {error.message}")
        return {}
    count = int(np.isin(hits.rows, aside).sum())
    return {"quarantined": count} if count else {}


def _snapshots(places: Places, within: str | None, search: Search) -> Iterator[Snapshot]:
    """Those to be searched; a manifest that cannot be read is told."""
    from pulse_blocks.snapshots.reading import load

    if within is None:
        wanted = resolving.snapshot_ids(places)
    elif kind_of(within) == "snapshot":
        wanted = [resolving.snapshot_id(places, within)]
    else:
        wanted = standing.snapshots_of(places, within)
        if not wanted:
            raise resolving.no_id(places, within)
    for one in wanted:
        try:
            yield load(places.store, one)
        except UnavailableError:
            raise
        except PulseError as error:
            search.problems.append(error.message)
