"""From findings to a verdict: enough rows, the weighed share, persistence, cooldown. Pure functions, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from pulse_blocks.drift.measuring import weighed_share
from pulse_blocks.drift.result import ColumnFinding, PerformanceFinding, QualityFinding, WindowFinding
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.drift_checks import Verdict
from pulse_blocks.protocol.monitoring_spec import MonitoringSpec
from pulse_blocks.protocol.spec import seconds
from pulse_blocks.sketches.reference import DriftReference

_NAMED = 5


class Judged(msgspec.Struct, frozen=True):
    """The verdict on one window alone, with its reasons."""

    share: float
    drifted: bool
    reasons: tuple[str, ...]


def require_calibrated(spec: MonitoringSpec, reference: DriftReference, window: str, model: str) -> None:
    """Raise PulseError ``drift.not_calibrated`` where ``auto`` thresholds are for another window or method.

    ``window`` is the protocol's own, in words.
    """
    methods = {one.method for one in reference.features.values()} - {"jensenshannon"}
    asked = spec.features.method
    changed = []
    if "auto" in (spec.features.threshold, spec.prediction.threshold) and window != reference.window:
        changed.append(f"windows of {reference.window}, not of {window}")
    if methods and asked not in methods:
        changed.append(f"distances by {', '.join(sorted(methods))}, not by {asked}")
    if changed:
        raise PulseError(
            "drift.not_calibrated",
            f"The thresholds of {model} were calibrated for {' and '.join(changed)}.",
            "Give the protocol a new version and run it: training calibrates anew. Or write thresholds as numbers.",
        )


def judge(
    spec: MonitoringSpec,
    features: Mapping[str, ColumnFinding],
    prediction: ColumnFinding,
    performance: PerformanceFinding | None,
    quality: QualityFinding,
) -> Judged:
    """Whether a window with enough rows has drifted: by its features together, its predictions, or its quality."""
    share = weighed_share(features)
    by_features = share >= spec.features.share
    by_performance = performance is not None and performance.drifted
    reasons = tuple(_reasons(spec, features, share, prediction, performance, quality))
    return Judged(share, by_features or prediction.drifted or by_performance, reasons)


def decide(
    spec: MonitoringSpec,
    now: Judged,
    before: Sequence[WindowFinding],
    last_alarm: int | None,
    clock: int,
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict of a check whose window had enough rows, and what it adds to the reasons.

    ``before`` are the windows before this one, the nearest first; ``last_alarm`` and ``clock`` are microseconds
    since 1970. An alarm that is dated later than the clock counts as fresh: a clock that was put back ends no cooldown.
    """
    if not now.drifted:
        return "calm", ()
    needed = spec.persistence - 1
    streak = next((at for at, window in enumerate(before) if not window.drifted), len(before))
    if streak < needed:
        return "suspected", (_not_yet(before, streak, spec.persistence),)
    said = () if needed == 0 else (f"{spec.persistence} windows in a row have drifted.",)
    quiet = int(seconds(spec.cooldown) * 1e6)
    if last_alarm is not None and clock < last_alarm + quiet:
        return "cooling", (
            *said,
            f"The last alarm is less than {spec.cooldown} old: nothing follows from this one.",
        )
    return "drifted", said


def _not_yet(before: Sequence[WindowFinding], streak: int, persistence: int) -> str:
    asked = f"persistence asks for {persistence} windows in a row"
    if streak >= len(before):
        return f"This is window {streak + 1}; {asked}."
    window = before[streak]
    if window.drifted is None:
        return f"The window before it, from {window.start}, has too few rows ({window.rows:,}); {asked}."
    return f"The window from {window.start} to {window.end} was calm; {asked}."


def _reasons(
    spec: MonitoringSpec,
    features: Mapping[str, ColumnFinding],
    share: float,
    prediction: ColumnFinding,
    performance: PerformanceFinding | None,
    quality: QualityFinding,
) -> Iterator[str]:
    drifted = sorted((n for n, one in features.items() if one.drifted), key=lambda n: -features[n].weight)
    yield (
        f"{len(drifted)} of {len(features)} features have drifted; by weight that is {share:.0%}"
        f" ({'at least' if share >= spec.features.share else 'less than'} {spec.features.share:.0%})."
    )
    for name in drifted[:_NAMED]:
        yield _column_reason(name, features[name])
    if len(drifted) > _NAMED:
        yield f"And {len(drifted) - _NAMED} more that weigh less."
    if prediction.drifted:
        yield _column_reason("The prediction", prediction)
    if performance is not None:
        yield performance.reason
    if quality.broken:
        example = f", such as {quality.examples[0]}" if quality.examples else "."
        yield f"{quality.broken:,} of {quality.rows:,} rows do not hold the protocol{example}"


def _column_reason(name: str, one: ColumnFinding) -> str:
    if one.score is None:
        return f"{name} has no value in this window (nulls in the reference: {one.missing_reference:.0%})."
    if one.score >= one.threshold:
        return f"{name} is {one.score:.4g} away by {one.method}; up to {one.threshold:.4g} is usual."
    return f"{name} is null in {one.missing:.0%} of the rows; in the reference it is in {one.missing_reference:.0%}."
