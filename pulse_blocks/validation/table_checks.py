"""Checks on the table as a whole: its number of rows, and how fresh it is."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.protocol.spec import BoundsSpec, CheckSpec, FreshSpec, Protocol, seconds
from pulse_blocks.records import iso
from pulse_blocks.validation.report import TableResult


def table_checks(
    protocol: Protocol, rows: int, newest: dt.datetime | None, end: str
) -> tuple[TableResult, ...]:
    """The results of ``rows`` and ``fresh``; ``newest`` is the latest event time, ``end`` what fresh counts from."""
    results = []
    for check in protocol.checks:
        if check.rows is not None:
            results.append(_rows(check, check.rows, rows))
        elif check.fresh is not None:
            results.append(_fresh(check, check.fresh, newest, end))
    return tuple(results)


def _rows(check: CheckSpec, bounds: BoundsSpec, rows: int) -> TableResult:
    limits, passed = [], True
    if bounds.ge is not None:
        limits.append(f"at least {bounds.ge:,}")
        passed = rows >= bounds.ge
    if bounds.le is not None:
        limits.append(f"at most {bounds.le:,}")
        passed = passed and rows <= bounds.le
    return TableResult(
        check=check.name or "rows",
        severity=check.severity,
        passed=passed,
        message=f"The snapshot has {rows:,} rows; the protocol asks for {' and '.join(limits)}.",
    )


def _fresh(check: CheckSpec, fresh: FreshSpec, newest: dt.datetime | None, end: str) -> TableResult:
    name = check.name or f"fresh within {fresh.within}"
    if newest is None:
        return TableResult(
            check=name, severity=check.severity, passed=False, message="No row has an event time."
        )
    passed = dt.datetime.fromisoformat(end) - newest <= dt.timedelta(seconds=seconds(fresh.within))
    return TableResult(
        check=name,
        severity=check.severity,
        passed=passed,
        message=f"The newest row is of {iso(newest)}; it may be at most {fresh.within} before {end}.",
    )
