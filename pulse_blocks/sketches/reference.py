"""What a model's drift is measured against: facts of its training data, small enough for the serving bundle."""

from __future__ import annotations

import math

from pulse_blocks.records import Record

# A quantile every half percent: between two of them a distribution is taken as even.
QUANTILES = 201
PREDICTION = "prediction"
# How much rarer or more frequent nulls must be before it matters, whatever the calm windows did.
_MISSING_MARGIN = 0.05
_MISSING_DEVIATIONS = 4.0


class ColumnReference(Record, frozen=True, kw_only=True):
    """One feature, or the prediction.

    ``weight`` is its share of the model's gain. ``threshold`` is the distance (by ``method``) from which a
    window counts as drifted that has as many rows as a calm one; ``typical`` is the median of the calm windows.
    ``noise`` is what a distance owes to chance alone, to be multiplied as ``threshold_for`` does. ``missing`` is
    the share of nulls, ``missing_spread`` the most by which a calm window's differed from it.

    Numbers have ``quantiles`` (``QUANTILES`` of them, evenly spread, least and greatest included) and
    ``deviation``, the standard deviation; others have ``shares`` by value, as text.
    """

    method: str
    weight: float
    threshold: float
    typical: float
    noise: float
    missing: float
    missing_spread: float
    deviation: float | None = None
    quantiles: tuple[float, ...] | None = None
    shares: dict[str, float] | None = None


class CalmWindow(Record, frozen=True, kw_only=True):
    """A window of the training period: event times in seconds since 1970 (None where rows carry none), its rows.

    ``share`` is the weighed share of its features beyond thresholds that were calibrated on the others.
    """

    start: float | None
    end: float | None
    rows: int
    share: float


class DriftReference(Record, frozen=True, kw_only=True):
    """The reference of a model, and what calm windows of its training period differ from it by.

    ``sample`` is the key of the reference sample and ``sample_sha256`` the hash of its bytes, ``rows`` how many
    it has. ``window`` and ``method`` are those that the thresholds were calibrated for; ``window_rows`` is the
    median number of rows of ``calm``. ``critical`` is how many spreads above its mean a distance may lie.
    """

    sample: str
    sample_sha256: str
    rows: int
    window: str
    window_rows: int
    critical: float
    calm: tuple[CalmWindow, ...]
    features: dict[str, ColumnReference]
    prediction: ColumnReference


def threshold_for(column: ColumnReference, reference: DriftReference, rows: int) -> float:
    """The threshold of a column for a window with ``rows`` values.

    A window with fewer rows than the calm ones differs by more though nothing has changed: chance falls with
    the root of the rows (with the rows themselves by ``psi``).
    """
    calm = chance(column.method, reference.window_rows, reference.rows)
    here = chance(column.method, rows, reference.rows)
    return column.threshold + column.noise * max(0.0, here - calm)


def missing_threshold(column: ColumnReference, reference: DriftReference, rows: int) -> float:
    """The difference in the share of nulls from which a column of ``rows`` rows counts as drifted."""
    share = min(max(column.missing, 1.0 / reference.rows), 1.0 - 1.0 / reference.rows)
    deviation = math.sqrt(share * (1.0 - share) * (1.0 / rows + 1.0 / reference.rows))
    return column.missing_spread + _MISSING_DEVIATIONS * deviation + _MISSING_MARGIN


def chance(method: str, rows: int, reference_rows: int) -> float:
    """What a distance between two samples of one distribution grows with."""
    found = 1.0 / max(rows, 1) + 1.0 / max(reference_rows, 1)
    return found if method == "psi" else math.sqrt(found)
