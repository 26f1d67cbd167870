"""Champions of before that were made champion again: by hand, or by a flow for a reason that its promotion names."""

from __future__ import annotations

import re

from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.lineage import causing
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, time_of

# How the automatic rollback ends the reason of its promotion.
_IN_REASON = re.compile(r"\(((?:drift|regression)_[0-9a-z]{26})\)\Z")


def draw(sketch: Sketch, places: Places, found: Promotion) -> str:
    """Draw a rollback and the drift check or regression that made it, if one did; returns its id."""
    rollback = ids.rollback_id(found.seq)
    facts = {
        "time": time_of(found.at),
        "name": found.name,
        "model": found.model,
        "instead_of": found.previous,
        "reason": found.reason,
        "who": found.who,
    }
    sketch.add("rollback", rollback, facts)
    if cause := _IN_REASON.search(found.reason):
        causing.draw(sketch, places, cause[1])
        sketch.link(rollback, "caused by", cause[1])
    return rollback


def to(sketch: Sketch, places: Places, model: str) -> None:
    """Draw every rollback that made ``model`` champion again."""
    for one in _rollbacks(places, model.partition("@")[0]):
        if one.model == model:
            sketch.link(draw(sketch, places, one), "brought back", model)


def because_of(sketch: Sketch, places: Places, cause: str) -> None:
    """Draw the rollback that a drift check or a regression led to."""
    used = places.ledger.cause(cause)
    if used is None or used.kind != "rollback":
        return
    for one in _rollbacks(places, used.name):
        if one.reason.endswith(f"({cause})"):
            draw(sketch, places, one)


def numbered(places: Places, rollback: str) -> Promotion | None:
    """The rollback with an id; None for the id of another thing. Raises PulseError ``lineage.unknown``."""
    seq = ids.rollback_seq(rollback)
    if seq is None:
        return None
    found = places.ledger.promotion_numbered(seq)
    if found is None or found.action != "rollback":
        raise PulseError(
            "lineage.unknown",
            f"The ledger knows no rollback {rollback}.",
            "pulse lineage NAME shows the one that made its champion, pulse lineage MODEL those to a model.",
        )
    return found


def _rollbacks(places: Places, name: str) -> list[Promotion]:
    return [one for one in places.ledger.promotions(name) if one.action == "rollback"]
