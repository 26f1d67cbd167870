"""Who was champion at a time, and what that model stands on."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.errors import PulseError
from pulse_blocks.lineage import origin, rollbacks
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places, time_of
from pulse_blocks.times import iso


def champion(sketch: Sketch, places: Places, name: str, at: dt.datetime) -> str:
    """Draw a name's pointer as it was at ``at``, and its model; returns the name.

    Raises PulseError ``lineage.unknown`` for a name that was never promoted, ``lineage.not_yet`` before its
    first promotion.
    """
    microseconds = int(at.timestamp() * 1e6)
    history = places.ledger.promotions(name)
    if not history:
        known = ", ".join(places.ledger.promoted_names()) or "none"
        raise PulseError(
            "lineage.unknown",
            f"No model {name} was ever champion in this workspace (there are: {known}).",
            "Give the name of a protocol: pulse lineage flight-delay --at 2026-01-15T02:00:00Z.",
        )
    found = places.ledger.champion_at(name, microseconds)
    if found is None:
        raise PulseError(
            "lineage.not_yet",
            f"{name} had no champion at {iso(at)}: the first came at {time_of(history[0].at)}.",
            "Ask for a later time.",
        )
    later = [one.at for one in history if one.seq > found.seq]
    facts = {
        "at": iso(at),
        "since": time_of(found.at),
        "until": time_of(later[0]) if later else None,
        "action": found.action,
        "previous": found.previous,
        "reason": found.reason,
        "who": found.who,
        "promotion": found.seq,
    }
    sketch.add("champion", name, facts)
    sketch.link(name, "pointed to", found.model)
    origin.model(sketch, places, found.model)
    if found.action == "rollback":
        sketch.link(name, "caused by", rollbacks.draw(sketch, places, found))
    return name
