"""Rate and latency of a model's newest replies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pulse_blocks.records import Record

MINUTES = 15
# At most so many rows are read, so that a busy runtime's page costs no more than a quiet one's.
NEWEST = 5_000


class TrafficFacts(Record, frozen=True, kw_only=True):
    """``rate`` in predictions a second over ``seconds``; latencies in milliseconds; ``minutes`` counts the
    predictions of each minute, the oldest first, None where there are more of them than were read.
    """

    rate: float
    seconds: float
    p50: float | None
    p99: float | None
    minutes: tuple[int, ...] | None


def traffic(newest: Sequence[tuple[int, int]], now: int) -> TrafficFacts:
    """From times and latencies in microseconds, the newest first; ``now`` likewise."""
    whole = len(newest) < NEWEST
    # Where rows were left out, the rate is over the time that those which were read span.
    span = MINUTES * 60.0 if whole else max((now - newest[-1][0]) / 1e6, 1e-3)
    latencies = sorted(us / 1000 for _, us in newest)
    minutes = [0] * MINUTES
    for at, _ in newest:
        minutes[MINUTES - 1 - min(max(now - at, 0) // 60_000_000, MINUTES - 1)] += 1
    return TrafficFacts(
        rate=len(newest) / span,
        seconds=span,
        p50=_quantile(latencies, 0.5),
        p99=_quantile(latencies, 0.99),
        minutes=tuple(minutes) if whole else None,
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest rank: the smallest value that at least ``share`` of them do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
