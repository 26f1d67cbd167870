"""Monitoring: one window, a schedule that comes due, a metric that the task has."""

from __future__ import annotations

from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.rules.schedule import check_schedule
from pulse_blocks.protocol.rules.training import check_metric
from pulse_blocks.protocol.spec import Protocol

_WINDOWS = ("days", "hours", "rows")


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
    if monitoring.performance is not None:
        check_metric(
            monitoring.performance.metric, protocol, ("monitoring", "performance", "metric"), problems
        )
