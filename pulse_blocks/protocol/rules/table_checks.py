"""The checks on the whole table: each says one thing, about columns that there are."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.problems import Path, Problems, nearest
from pulse_blocks.protocol.rules import fields
from pulse_blocks.protocol.spec import CheckSpec, FieldSpec, Protocol
from pulse_blocks.protocol.sql import bare

if TYPE_CHECKING:
    import polars as pl

_KINDS = ("expr", "unique", "rows", "fresh")
_LONGEST = 2000
_OVER = re.compile(r"\bover\s*\(", re.IGNORECASE)


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
        here = (*path, "rows")
        if one.rows.ge is None and one.rows.le is None:
            problems.add(here, "missing_key", "Neither ge nor le is here.", "Write {ge: 1000}.")
        if one.rows.le is not None and one.rows.le < 0:
            problems.add((*here, "le"), "out_of_range", "There are never fewer than 0 rows.")
        fields.check_bounds(one.rows.ge, one.rows.le, here, problems)
    elif one.fresh is not None:
        if protocol.source.time is None:
            problems.add((*path, "fresh"), "needs_time", "Freshness needs an event time.", "Add source.time.")
    elif one.expr is not None:
        _expression(one.expr, columns, (*path, "expr"), problems)


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


def _expression(text: str, columns: dict[str, FieldSpec], path: Path, problems: Problems) -> None:
    """Parsed by polars and resolved against empty columns of the declared types; never run on data."""
    if len(text) > _LONGEST:
        problems.add(path, "too_long", f"{len(text)} characters; at most {_LONGEST} are allowed.")
        return
    import polars as pl

    try:
        expression = pl.sql_expr(text)
        unknown = [name for name in dict.fromkeys(expression.meta.root_names()) if name not in columns]
        for name in unknown:
            _unknown(name, columns, path, problems)
        if unknown:
            return
        schema = {name: _dtype(field) for name, field in columns.items()}
        plan = pl.LazyFrame(schema=schema).select(holds=expression)
        resolved = plan.collect_schema()["holds"]
        # Planning, unlike the schema, notices a comparison of text with numbers.
        plan.explain()
    except pl.exceptions.PolarsError as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        problems.add(path, "bad_expression", f"Not an expression over the columns: {reason}.")
        return
    if resolved != pl.Boolean:
        problems.add(
            path, "bad_expression", f"It gives {resolved}, not true or false.", "Compare it with something."
        )
    elif not _by_row(expression, text):
        problems.add(
            path,
            "bad_expression",
            "It looks at more than one row at a time.",
            "A check is true or false for each row by itself.",
        )


def _by_row(expression: pl.Expr, text: str) -> bool:
    import polars as pl

    if _OVER.search(bare(text)):
        return False
    # polars cannot tell this of every expression without a table; validation looks again at the result.
    with contextlib.suppress(pl.exceptions.PolarsError):
        return not expression.meta.is_scalar()
    return True


def _dtype(field: FieldSpec) -> pl.DataType | type[pl.DataType]:
    import polars as pl

    types: dict[str, pl.DataType | type[pl.DataType]] = {
        "float": pl.Float64,
        "int": pl.Int64,
        "bool": pl.Boolean,
        "string": pl.String,
        "timestamp": pl.Datetime("us", "UTC"),
        "date": pl.Date,
    }
    if field.type == "category":
        return pl.Int64 if field.values and isinstance(field.values[0], int) else pl.String
    return types[field.type]
