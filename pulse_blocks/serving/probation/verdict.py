"""From what was seen of a new champion to whether its guard is breached. Pure functions of facts."""

from __future__ import annotations

from pulse_blocks.protocol.monitoring_spec import GuardSpec
from pulse_blocks.records import Record

# Fewer answers to the same requests say nothing about their distribution.
LEAST_PAIRS = 100


class Facts(Record, frozen=True, kw_only=True):
    """What is known of a champion since its promotion.

    ``failed`` of ``requests`` were answered by a 5xx or by the fallback, ``openings`` counts its open circuits.
    Over ``pairs`` requests that the champion before answered too: how many times slower (median time of the
    model's call), and the Jensen-Shannon distance of the answers, 0 to 1. Over ``labelled`` of these with a label:
    by how much the metric is lower. None where too little is known.
    """

    requests: int = 0
    failed: int = 0
    openings: int = 0
    pairs: int = 0
    slowdown: float | None = None
    distance: float | None = None
    labelled: int = 0
    drop: float | None = None


def breach(facts: Facts, guard: GuardSpec) -> str | None:
    """The first limit that is passed, as a sentence; None while all hold."""
    if facts.openings:
        return "Its circuit opened: it failed again and again."
    if facts.requests >= guard.min_requests:
        share = facts.failed / facts.requests
        if share > guard.errors:
            return f"{share:.1%} of {facts.requests:,} requests failed, {guard.errors:.1%} may."
    if facts.pairs >= LEAST_PAIRS:
        same = f"on {facts.pairs:,} of the same requests"
        if facts.slowdown is not None and facts.slowdown > guard.latency:
            times = f"{facts.slowdown:.1f} times as long as the champion before"
            return f"It takes {times} {same}, {guard.latency:g} may be."
        if facts.distance is not None and facts.distance > guard.prediction:
            return (
                f"Its predictions are {facts.distance:.2f} (Jensen-Shannon) from those of the champion before {same},"
                f" {guard.prediction:g} may be."
            )
    if facts.drop is not None and facts.labelled >= guard.min_requests and facts.drop > guard.performance:
        return (
            f"On {facts.labelled:,} requests with a label it is {facts.drop:.4f} below the champion before,"
            f" {guard.performance:g} may be."
        )
    return None
