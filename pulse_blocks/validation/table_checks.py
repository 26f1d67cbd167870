"""Checks on the table as a whole: its number of rows, how fresh it is, how its columns are distributed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from fractions import Fraction

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.refusals import PRIVATE
from pulse_blocks.protocol.spec import (
    BoundsSpec,
    CheckSpec,
    FreshSpec,
    MeanSpec,
    NullsSpec,
    Protocol,
    QuantileSpec,
    seconds,
)
from pulse_blocks.times import iso
from pulse_blocks.validation.distribution import Measured
from pulse_blocks.validation.report import TableResult


def table_checks(
    protocol: Protocol, rows: int, newest: dt.datetime | None, end: str, measured: Measured
) -> tuple[TableResult, ...]:
    """The results of all checks but those on rows, in the order of the protocol.

    ``newest`` is the latest event time, ``end`` what fresh counts from; ``measured`` is over accepted rows.
    """
    private = {column.name for column in all_columns(protocol) if column.field.private}
    return tuple(
        result
        for check in protocol.checks
        for result in _results(check, rows, newest, end, measured, private)
    )


def _results(
    check: CheckSpec,
    rows: int,
    newest: dt.datetime | None,
    end: str,
    measured: Measured,
    private: Collection[str],
) -> Iterator[TableResult]:
    if check.rows is not None:
        yield _rows(check, check.rows, rows)
    if check.fresh is not None:
        yield _fresh(check, check.fresh, newest, end)
    if check.nulls is not None:
        yield _nulls(check, check.nulls, measured)
    if check.mean is not None:
        name = check.mean.column
        yield _value(check, check.mean, f"mean of {name}", measured.means[name], private=name in private)
    if check.quantile is not None:
        spec = check.quantile
        found = measured.quantiles[spec.column, spec.q]
        what = f"quantile {spec.q:g} of {spec.column}"
        yield _value(check, spec, what, found, private=spec.column in private)


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


def _nulls(check: CheckSpec, spec: NullsSpec, measured: Measured) -> TableResult:
    nulls, rows = measured.nulls[spec.column], measured.rows
    share = nulls / rows if rows else 0.0
    return TableResult(
        check=check.name or f"nulls of {spec.column}",
        severity=check.severity,
        passed=nulls <= rows * Fraction(repr(spec.at_most)),
        message=f"{spec.column} is null in {nulls:,} of {rows:,} rows ({share:.2%}); "
        f"the protocol allows {spec.at_most * 100:.6g}%.",
    )


def _value(
    check: CheckSpec, spec: MeanSpec | QuantileSpec, what: str, found: float | None, *, private: bool
) -> TableResult:
    """Of a private column the value is not told: a quantile is somebody's, and so is the mean of few."""
    limits = [
        f"{words} {bound:,}"
        for words, bound in (("at least", spec.ge), ("at most", spec.le))
        if bound is not None
    ]
    if found is None:
        message, passed = f"The {what} does not exist: no row has a value.", False
    else:
        shown = PRIVATE if private else f"{found:,.6g}"
        message = f"The {what} is {shown}; the protocol asks for {' and '.join(limits)}."
        passed = (spec.ge is None or found >= spec.ge) and (spec.le is None or found <= spec.le)
    return TableResult(check=check.name or what, severity=check.severity, passed=passed, message=message)
