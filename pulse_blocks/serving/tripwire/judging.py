"""From the sketches of a window and a model's reference to findings: what a drift check does from rows."""

from __future__ import annotations

import time
from collections.abc import Iterable

from pulse_blocks.drift.result import ColumnFinding
from pulse_blocks.protocol.monitoring_spec import Threshold
from pulse_blocks.serving.tripwire.panes import Numbers, Words
from pulse_blocks.sketches import kll
from pulse_blocks.sketches.distances import Values, jensen_shannon, stability_index
from pulse_blocks.sketches.reference import (
    ColumnReference,
    DriftReference,
    missing_threshold,
    threshold_for,
)

# So many columns take some two milliseconds; then the event loop may have the interpreter.
_AT_ONCE, _PAUSE_SECONDS = 5, 0.0005

# A column of the window, what it is held against, and what it counts for.
Asked = tuple[Numbers | Words, ColumnReference, float]


def findings(asked: Iterable[Asked], reference: DriftReference, threshold: Threshold) -> list[ColumnFinding]:
    """The verdicts on columns, with pauses."""
    found = []
    for at, (column, known, weight) in enumerate(asked):
        if at % _AT_ONCE == 0:
            time.sleep(_PAUSE_SECONDS)
        found.append(finding(column, known, reference, threshold, weight))
    return found


def finding(
    column: Numbers | Words,
    known: ColumnReference,
    reference: DriftReference,
    threshold: Threshold,
    weight: float,
) -> ColumnFinding:
    """The verdict on one column: too far away, or with too many or too few nulls."""
    score = distance(column, known, reference.rows)
    limit = threshold_for(known, reference, column.known) if threshold == "auto" else threshold
    missing = 1.0 - column.known / column.rows if column.rows else 0.0
    allowed = missing_threshold(known, reference, max(column.rows, 1))
    far = score is not None and score >= limit
    return ColumnFinding(
        method=known.method,
        score=score,
        threshold=limit,
        typical=known.typical,
        missing=missing,
        missing_reference=known.missing,
        missing_threshold=allowed,
        weight=weight,
        drifted=far or abs(missing - known.missing) >= allowed,
    )


def distance(column: Numbers | Words, known: ColumnReference, reference_rows: int) -> float | None:
    """The distance by the reference's method; None where one side has no values."""
    if not column.known:
        return None
    if isinstance(column, Words):
        return _of_shares(known.method, *kll.counted(known, column.counts)) if known.shares else None
    if not known.quantiles:
        return None
    if known.method == "wasserstein":
        return kll.wasserstein(known, column.sketch)
    if known.method == "ks":
        return kll.kolmogorov_smirnov(known, column.sketch)
    return _of_shares(known.method, *kll.binned(known, column.sketch, reference_rows))


def _of_shares(method: str, before: Values, now: Values) -> float:
    return stability_index(before, now) if method == "psi" else jensen_shannon(before, now)
