"""What a drift check has found: frozen facts, the reasons as sentences, no rendering."""

from __future__ import annotations

from pulse_blocks.ledger.drift_checks import Verdict
from pulse_blocks.records import Record


class ColumnFinding(Record, frozen=True, kw_only=True):
    """One feature, or the prediction, in the window.

    ``score`` is its distance to the reference by ``method``, None where one side has no values; from ``threshold``
    on it counts as drifted. ``typical`` is what calm windows differ by (their median). ``missing`` is the share of
    nulls, which counts from ``missing_threshold`` away from ``missing_reference`` on. ``weight`` is what the feature
    counts for.
    """

    method: str
    score: float | None
    threshold: float
    typical: float
    missing: float
    missing_reference: float
    missing_threshold: float
    weight: float
    drifted: bool


class PerformanceFinding(Record, frozen=True, kw_only=True):
    """The model's metric where labels have come in, beside that of the held-out part.

    ``rows`` have a label; ``value`` is None where they are too few to judge by, or the metric is not defined on them.
    ``high`` and ``low`` are the ends of its interval (95 %). ``unusable`` labels are no values of the target.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    reference: float
    max_drop: float
    rows: int
    unusable: int
    start: str
    end: str
    drifted: bool
    reason: str


class QualityFinding(Record, frozen=True, kw_only=True):
    """Rows of the window that do not hold the protocol, with a few examples as sentences."""

    rows: int
    broken: int
    examples: tuple[str, ...] = ()


class WindowFinding(Record, frozen=True, kw_only=True):
    """One window: event times (UTC), rows, the weighed share of drifted features, and the verdict on it alone.

    ``drifted`` is None where it has too few rows. ``check`` is the earlier check that the verdict is from, None where
    the window's rows were looked at now.
    """

    start: str
    end: str
    rows: int
    share: float | None
    drifted: bool | None
    check: str | None = None


class DriftResult(Record, frozen=True, kw_only=True):
    """The result of a check, as it is kept in the ledger. ``drift`` is whether this very window has drifted.

    ``used`` of the window's ``rows`` were looked at (all, up to 10,000); ``deleted`` more at most were in files that
    retention has deleted. ``share`` is the weighed share of drifted
    features. ``before`` are the windows before this one, the nearest first, as far as persistence asks for them.
    ``action`` is what follows from the verdict ``drifted``.
    """

    check: str
    name: str
    model: str
    snapshot: str
    checked: str
    window_start: str | None
    window_end: str | None
    rows: int
    used: int
    verdict: Verdict
    drift: bool
    action: str
    share: float | None
    share_threshold: float
    features: dict[str, ColumnFinding]
    prediction: ColumnFinding | None
    performance: PerformanceFinding | None
    quality: QualityFinding | None
    before: tuple[WindowFinding, ...]
    reasons: tuple[str, ...]
    seconds: float
    report: str | None = None
    deleted: int = 0
