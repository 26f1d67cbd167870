"""The checks on the whole table: each says one thing, about columns that there are."""

from __future__ import annotations

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.problems import Path, Problems, nearest
from pulse_blocks.protocol.rules import expressions, fields
from pulse_blocks.protocol.spec import (
    BoundsSpec,
    CheckSpec,
    FieldSpec,
    FieldType,
    MeanSpec,
    Protocol,
    QuantileSpec,
)

_KINDS = ("expr", "unique", "rows", "fresh", "nulls", "mean", "quantile")
_WITH_A_MEAN: tuple[FieldType, ...] = ("float", "int", "bool")
_WITH_QUANTILES: tuple[FieldType, ...] = ("float", "int")


def check(protocol: Protocol, problems: Problems) -> None:
    """Each check for itself; names are unique."""
    columns = {column.name: column.field for column in all_columns(protocol)}
    seen: set[str] = set()
    for number, one in enumerate(protocol.checks):
        path: Path = ("checks", number)
        if one.name is not None:
            if one.name in seen:
                problems.add((*path, "name"), "duplicate_value", f"Another check is named {one.name!r}.")
            seen.add(one.name)
        given = [kind for kind in _KINDS if getattr(one, kind) is not None]
        if len(given) == 1:
            _one(one, columns, protocol, path, problems)
        else:
            found = f"here are {' and '.join(given)}" if given else "here is none"
            problems.add(path, "one_kind", f"A check is one of {', '.join(_KINDS)}; {found}.")


def _one(
    one: CheckSpec, columns: dict[str, FieldSpec], protocol: Protocol, path: Path, problems: Problems
) -> None:
    if one.unique is not None:
        _unique(one.unique, columns, (*path, "unique"), problems)
    elif one.rows is not None:
        _rows(one.rows, (*path, "rows"), problems)
    elif one.fresh is not None:
        if protocol.source.time is None:
            problems.add((*path, "fresh"), "needs_time", "Freshness needs an event time.", "Add source.time.")
    elif one.expr is not None:
        _expression(one, columns, protocol, (*path, "expr"), problems)
    else:
        _statistic(one, columns, path, problems)


def _statistic(one: CheckSpec, columns: dict[str, FieldSpec], path: Path, problems: Problems) -> None:
    if one.nulls is not None and one.nulls.column not in columns:
        _unknown(one.nulls.column, columns, (*path, "nulls", "column"), problems)
    if one.mean is not None:
        _distribution(one.mean, _WITH_A_MEAN, columns, (*path, "mean"), problems)
    if one.quantile is not None:
        _distribution(one.quantile, _WITH_QUANTILES, columns, (*path, "quantile"), problems)


def _rows(rows: BoundsSpec, path: Path, problems: Problems) -> None:
    _bounds(rows, path, problems)
    if rows.le is not None and rows.le < 0:
        problems.add((*path, "le"), "out_of_range", "There are never fewer than 0 rows.")


def _bounds(bounds: BoundsSpec | MeanSpec | QuantileSpec, path: Path, problems: Problems) -> None:
    if bounds.ge is None and bounds.le is None:
        problems.add(path, "missing_key", "Neither ge nor le is here.", "Write ge: 1000, say.")
    fields.check_bounds(bounds.ge, bounds.le, path, problems)


def _distribution(
    spec: MeanSpec | QuantileSpec,
    types: tuple[FieldType, ...],
    columns: dict[str, FieldSpec],
    path: Path,
    problems: Problems,
) -> None:
    _bounds(spec, path, problems)
    here = (*path, "column")
    field = columns.get(spec.column)
    if field is None:
        _unknown(spec.column, columns, here, problems)
    elif field.type not in types:
        problems.add(
            here,
            "not_for_type",
            f"{spec.column!r} is a {field.type}; this check is for {', '.join(types)}.",
        )


def _unique(names: tuple[str, ...], columns: dict[str, FieldSpec], path: Path, problems: Problems) -> None:
    if not names:
        problems.add(path, "too_few", "At least one column is needed here.")
    for number, name in enumerate(names):
        if name not in columns:
            _unknown(name, columns, (*path, number), problems)
        elif name in names[:number]:
            problems.add((*path, number), "duplicate_value", f"{name!r} is here a second time.")


def _unknown(name: str, columns: dict[str, FieldSpec], path: Path, problems: Problems) -> None:
    hint = nearest(name, columns) or "Declare it below columns."
    problems.add(path, "unknown_column", f"There is no column {name!r}.", hint)


def _expression(
    one: CheckSpec, columns: dict[str, FieldSpec], protocol: Protocol, path: Path, problems: Problems
) -> None:
    text = str(one.expr)
    names = expressions.check(text, columns, path, problems)
    for name in names:
        if name not in columns:
            _unknown(name, columns, path, problems)
    if one.severity == "error":
        expressions.check_requests(text, names, protocol, path, problems)
