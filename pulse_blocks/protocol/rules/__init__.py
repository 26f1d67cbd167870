"""Contradictions across keys, looked for only in a protocol whose types are sound."""

from __future__ import annotations

from pulse_blocks.protocol.problems import Problems
from pulse_blocks.protocol.rules import (
    columns,
    monitoring,
    retention,
    source,
    table_checks,
    target,
    training,
)
from pulse_blocks.protocol.spec import Protocol


def check(protocol: Protocol, problems: Problems) -> None:
    """Add every contradiction in ``protocol`` to ``problems``. Nothing is run, and no data are looked at."""
    source.check(protocol, problems)
    columns.check(protocol, problems)
    target.check(protocol, problems)
    table_checks.check(protocol, problems)
    training.check(protocol, problems)
    monitoring.check(protocol, problems)
    retention.check(protocol, problems)
