"""What made Pulse act by itself: the drift check behind a retraining, the regression behind a rollback.

A cause names the model that it judged as a fact, not as an edge: a retraining may give the very same trees again, and
the graph would run in a circle.
"""

from __future__ import annotations

from typing import Any, Literal

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.restores import Restore
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, time_of


def draw(sketch: Sketch, places: Places, cause: str) -> None:
    """Draw a drift check or a regression; one that the ledger does not know is said to be missing."""
    kind = _kind(cause)
    facts = _drift(places, cause) if kind == "drift" else _regression(places, cause)
    sketch.add(kind, cause, facts or {"missing": "the ledger does not know it."})


def runs_of(sketch: Sketch, places: Places, cause: str) -> list[str]:
    """Draw a drift check or a regression; returns the runs that it started. Raises PulseError ``lineage.unknown``."""
    ledger = places.ledger
    if ledger.drift_check(cause) is None and ledger.regression(cause) is None:
        raise PulseError(
            "lineage.unknown",
            f"The ledger knows no {'drift check' if _kind(cause) == 'drift' else 'regression'} {cause}.",
            "Give the whole id, as pulse drift or the events show it.",
        )
    draw(sketch, places, cause)
    used = ledger.cause(cause)
    if used is None:
        return []
    if used.kind == "rollback":
        sketch.add(_kind(cause), cause, {"rollback": f"by {used.used_by} at {time_of(used.at)}"})
    rows = (row for stage in ("train", "refused") for row in ledger.stage_rows("", stage))
    return [row.record_id for row in rows if row.attempt == used.used_by]


def restore(places: Places, restore_id: str) -> Restore | None:
    """The restore with an id; None for the id of another thing. Raises PulseError ``lineage.unknown``."""
    seq = ids.restore_seq(restore_id)
    if seq is None:
        return None
    found = places.ledger.restore_numbered(seq)
    if found is None:
        raise PulseError(
            "lineage.unknown",
            f"The ledger knows no restore {restore_id}.",
            "pulse lineage RUN shows the restore that a run stands on.",
        )
    return found


def restore_behind(places: Places, said: str) -> Restore | None:
    """The restore that a run says its data come from; None where the ledger does not know it."""
    return next(
        (one for one in places.ledger.restores(said.partition(" ")[0]) if sentence(one) == said), None
    )


def sentence(restore: Restore) -> str:
    """A restore in the words that runs keep."""
    return f"{restore.snapshot} by {restore.who} at {time_of(restore.at)}"


def draw_restore(sketch: Sketch, restore: Restore) -> str:
    """Draw a restore without what it stands on; returns its id."""
    facts = {
        "time": time_of(restore.at),
        "name": restore.name,
        "snapshot": restore.snapshot,
        "who": restore.who,
    }
    restore_id = ids.restore_id(restore.seq)
    sketch.add("restore", restore_id, facts)
    return restore_id


def _kind(cause: str) -> Literal["drift", "regression"]:
    return "drift" if cause.startswith("drift_") else "regression"


def _drift(places: Places, cause: str) -> dict[str, Any] | None:
    check = places.ledger.drift_check(cause)
    if check is None:
        return None
    begin, end = check.window_start, check.window_end
    return {
        "time": time_of(check.at),
        "judged": check.model,
        "verdict": check.verdict,
        "rows": check.rows,
        "window": None if begin is None or end is None else f"{time_of(begin)} to {time_of(end)}",
        "report": check.report,
    }


def _regression(places: Places, cause: str) -> dict[str, Any] | None:
    found = places.ledger.regression(cause)
    if found is None:
        return None
    return {
        "time": time_of(found.at),
        "judged": found.model,
        "previous": found.previous,
        "reason": found.reason,
    }
