"""Retention: nothing leaves the ledger before monitoring has looked at it."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.spec import MonitoringSpec, Protocol, seconds


def check(protocol: Protocol, problems: Problems) -> None:
    """An archive only of what leaves the ledger, and that not before it has been looked at."""
    live = protocol.retention.live
    path: Path = ("retention", "live")
    if live is None:
        if protocol.retention.archived is not None:
            problems.add(
                ("retention", "archived"),
                "without_live",
                "Nothing is archived while inferences stay in the ledger for ever.",
                "Add retention.live, such as 90d.",
            )
        return
    for key, duration in _looked_at(protocol.monitoring):
        if seconds(live) < seconds(duration):
            problems.add(
                path,
                "empty_range",
                f"Inferences leave the ledger after {live}, and {key} looks {duration} back.",
                f"Keep them for at least {duration}.",
            )


def _looked_at(monitoring: MonitoringSpec) -> Iterator[tuple[str, str]]:
    """What reads inferences from the ledger, and how far back."""
    window = monitoring.window
    if window.days is not None:
        yield "monitoring.window", f"{window.days}d"
    elif window.hours is not None:
        yield "monitoring.window", f"{window.hours}h"
    if monitoring.label_delay is not None:
        yield "monitoring.label_delay", monitoring.label_delay
    if monitoring.guard is not None:
        yield "monitoring.guard.window", monitoring.guard.window
