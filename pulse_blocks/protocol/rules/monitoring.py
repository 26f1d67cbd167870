"""Monitoring: one window, a schedule that comes due, a metric that the task has, thresholds that can be met."""

from __future__ import annotations

import math

from pulse_blocks.protocol.monitoring_spec import MonitoringSpec
from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.rules.schedule import check_schedule
from pulse_blocks.protocol.rules.training import check_metric
from pulse_blocks.protocol.spec import Protocol

_WINDOWS = ("days", "hours", "rows")
# The Jensen-Shannon distance in nats ends at the root of log 2.
_GREATEST = {"ks": 1.0, "jensenshannon": math.sqrt(math.log(2.0))}


def check(protocol: Protocol, problems: Problems) -> None:
    """Window, schedule and performance."""
    monitoring = protocol.monitoring
    path: Path = ("monitoring", "window")
    given = [name for name in _WINDOWS if getattr(monitoring.window, name) is not None]
    if len(given) != 1:
        found = f"here are {' and '.join(given)}" if given else "here is none"
        problems.add(path, "one_kind", f"The window is one of {', '.join(_WINDOWS)}; {found}.")
    rows = monitoring.window.rows
    if rows is not None and rows < monitoring.min_rows:
        problems.add(
            (*path, "rows"),
            "empty_range",
            f"The window's {rows} rows are fewer than min_rows: {monitoring.min_rows}.",
        )
    check_schedule(monitoring.schedule, ("monitoring", "schedule"), problems)
    _check_thresholds(monitoring, problems)
    if monitoring.label_delay is not None and monitoring.performance is None:
        problems.add(
            ("monitoring", "label_delay"),
            "no_effect",
            "label_delay says when labels are due, but no performance is asked for.",
            "Add performance: {metric: ..., max_drop: ...}, or leave label_delay out.",
        )
    if monitoring.performance is not None:
        check_metric(
            monitoring.performance.metric, protocol, ("monitoring", "performance", "metric"), problems
        )


def _check_thresholds(monitoring: MonitoringSpec, problems: Problems) -> None:
    """A share that nothing falls below, thresholds that no distance reaches."""
    if monitoring.features.share == 0:
        problems.add(
            ("monitoring", "features", "share"), "empty_range", "With a share of 0 every window has drifted."
        )
    for name, section in (("features", monitoring.features), ("prediction", monitoring.prediction)):
        most = _GREATEST.get(section.method)
        if most is not None and isinstance(section.threshold, float | int) and section.threshold > most:
            problems.add(
                ("monitoring", name, "threshold"),
                "empty_range",
                f"No distance by {section.method} is greater than {most:g}; here is {section.threshold:g}.",
            )
