"""The section ``checks`` of a protocol, and what becomes of rows that break a rule."""

from __future__ import annotations

from typing import Literal

from pulse_blocks.protocol.vocabulary import ColumnName, Duration, Number, Share, Spec

Severity = Literal["error", "warn"]


class BoundsSpec(Spec, frozen=True, kw_only=True):
    """Bounds on a number, both ends included."""

    ge: Number | None = None
    le: Number | None = None


class FreshSpec(Spec, frozen=True, kw_only=True):
    """The newest row's event time is at most this long before the end of the window (or now)."""

    within: Duration


class NullsSpec(Spec, frozen=True, kw_only=True):
    """At most this share of a column's values is null."""

    column: ColumnName
    at_most: Share


class MeanSpec(Spec, frozen=True, kw_only=True):
    """Bounds on the mean of a column; of a boolean, the share that is true. Nulls do not count."""

    column: ColumnName
    ge: Number | None = None
    le: Number | None = None


class QuantileSpec(Spec, frozen=True, kw_only=True):
    """Bounds on a quantile of a column: the least value that a share ``q`` of the values does not exceed."""

    column: ColumnName
    q: Share
    ge: Number | None = None
    le: Number | None = None


class CheckSpec(Spec, frozen=True, kw_only=True):
    """A rule on the table: exactly one of its keys beside ``name`` and ``severity``."""

    name: str | None = None
    severity: Severity = "error"
    expr: str | None = None
    unique: tuple[ColumnName, ...] | None = None
    rows: BoundsSpec | None = None
    fresh: FreshSpec | None = None
    nulls: NullsSpec | None = None
    mean: MeanSpec | None = None
    quantile: QuantileSpec | None = None


class OnInvalidSpec(Spec, frozen=True, kw_only=True):
    """Rows that break a rule go to quarantine, up to this share of all rows; a larger one fails the run."""

    quarantine_up_to: Share = 0.0
