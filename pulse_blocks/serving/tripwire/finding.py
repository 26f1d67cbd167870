"""What the tripwire knows of a model: plain facts, for metrics and events."""

from __future__ import annotations

from pulse_blocks.drift.result import ColumnFinding
from pulse_blocks.records import Record


class LiveDrift(Record, frozen=True, kw_only=True):
    """The window that ends with the newest row, whose event time in microseconds since 1970 is ``end``.

    ``rows`` are those of this process. ``period`` numbers the windows one after the other (an hour each where a window
    is a number of rows): a suspicion is told once in each. ``share`` is the weighed share of drifted features.
    """

    model: str
    end: int
    period: int
    rows: int
    share: float
    features: dict[str, ColumnFinding]
    prediction: ColumnFinding
    drifted: bool
