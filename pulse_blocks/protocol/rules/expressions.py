"""SQL expressions of checks: parsed by polars and resolved against empty columns; never run on data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from pulse_blocks.protocol.sql import bare

if TYPE_CHECKING:
    import polars as pl

    Dtype = pl.DataType | type[pl.DataType]

_LONGEST = 2000
_OVER = re.compile(r"\bover\s*\(", re.IGNORECASE)


def check(text: str, columns: Mapping[str, FieldSpec], path: Path, problems: Problems) -> tuple[str, ...]:
    """Whether an expression is true or false for each row by itself; the columns that it names, known or not."""
    if len(text) > _LONGEST:
        problems.add(path, "too_long", f"{len(text)} characters; at most {_LONGEST} are allowed.")
        return ()
    import polars as pl

    try:
        expression = pl.sql_expr(text)
        names = tuple(dict.fromkeys(expression.meta.root_names()))
        if not columns.keys() >= set(names):
            return names
        schema = {name: _dtype(field) for name, field in columns.items()}
        resolved = pl.LazyFrame(schema=schema).select(holds=expression).collect_schema()["holds"]
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        problems.add(path, "bad_expression", f"Not an expression over the columns: {reason}.")
        return ()
    if resolved != pl.Boolean:
        problems.add(
            path, "bad_expression", f"It gives {resolved}, not true or false.", "Compare it with something."
        )
    elif not by_row(expression, text, schema):
        problems.add(
            path,
            "bad_expression",
            "It looks at more than one row at a time: with an aggregate, a window, or something that adds rows.",
            "A check is true or false for each row by itself. What needs the whole table can be a column of the query.",
        )
    else:
        return names
    return ()


def check_requests(
    text: str, names: tuple[str, ...], protocol: Protocol, path: Path, problems: Problems
) -> None:
    """An expression over features alone must also be one that the runtime can evaluate."""
    from pulse_blocks.protocol.translating import over_features, translate

    if over_features(names, protocol):
        try:
            translate(text, protocol.features)
        except PulseError as error:
            problems.add(path, "bad_expression", error.message, error.hint)


def by_row(expression: pl.Expr, text: str, schema: Mapping[str, Dtype]) -> bool:
    """Whether nothing in an expression makes one value of a column, or more or fewer: rows are checked in groups."""
    import polars as pl

    if _OVER.search(bare(text)):
        return False
    left = [expression]
    while left:
        part = left.pop()
        try:
            left += part.meta.pop(schema=dict(schema))
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            return False  # what it is made of cannot be looked at
        # polars cannot tell this of every part without a table, but of all that such a part is made of.
        with contextlib.suppress(pl.exceptions.PolarsError):
            of_rows = part is expression or part.meta.root_names() or part.meta.eq(pl.len())
            if of_rows and (part.meta.is_scalar() or not part.meta.is_length_preserving()):
                return False
    return True


def _dtype(field: FieldSpec) -> Dtype:
    import polars as pl

    types: dict[str, Dtype] = {
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
