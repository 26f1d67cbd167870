"""The Pandera schema that a protocol generates, and the names of its rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pandera.polars as pa
import polars as pl

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.patterns import for_rust
from pulse_blocks.protocol.spec import FieldSpec, Protocol

NOT_NULL = "not null"

_TYPES: dict[str, Any] = {
    "float": pl.Float64,
    "int": pl.Int64,
    "bool": pl.Boolean,
    "string": pl.String,
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date,
}


def frame_schema(protocol: Protocol) -> pa.DataFrameSchema:
    """One Pandera column for each column of a snapshot; ``Check.error`` holds the rule's name."""
    return pa.DataFrameSchema(
        {
            name: pa.Column(_dtype(field), [check for _, check in _checks(field)], nullable=field.nullable)
            for name, field in _fields(protocol)
        }
    )


def column_rules(protocol: Protocol) -> tuple[tuple[str, str], ...]:
    """Column and name of every rule of the schema, in the order of the snapshot's columns."""
    found: list[tuple[str, str]] = []
    for name, field in _fields(protocol):
        if not field.nullable:
            found.append((name, NOT_NULL))
        found.extend((name, check) for check, _ in _checks(field))
    return tuple(found)


def _fields(protocol: Protocol) -> Iterator[tuple[str, FieldSpec]]:
    """All columns; an integer target of two classes holds 0 and 1 also where the protocol does not say so."""
    for column in all_columns(protocol):
        field = column.field
        codes = column.role == "target" and protocol.task == "binary-classification" and field.type == "int"
        yield column.name, msgspec.structs.replace(field, values=(0, 1)) if codes else field


def _dtype(field: FieldSpec) -> Any:
    if field.type == "category":
        return pl.Int64 if field.values and isinstance(field.values[0], int) else pl.String
    return _TYPES[field.type]


def _checks(field: FieldSpec) -> Iterator[tuple[str, pa.Check]]:
    """Null passes every check but ``not null``."""
    for bound in ("ge", "gt", "le", "lt"):
        limit = getattr(field, bound)
        if limit is not None:
            name = f"{bound} {limit}"
            yield name, getattr(pa.Check, bound)(limit, error=name)
    if field.type == "float" and not (_bounded(field.ge, field.gt) and _bounded(field.le, field.lt)):
        # Infinity has no JSON: the ledger could not keep it, and requests that hold it are refused too.
        yield "finite", pa.Check(_finite, error="finite")
    if field.values is not None:
        yield "values", pa.Check.isin(list(field.values), error="values")
    if field.pattern is not None:
        name = f"pattern {field.pattern}"
        yield name, pa.Check(_matches, error=name, pattern=field.pattern)
    if field.min_length is not None:
        name = f"min_length {field.min_length}"
        yield name, pa.Check.str_length(min_value=field.min_length, error=name)
    if field.max_length is not None:
        name = f"max_length {field.max_length}"
        yield name, pa.Check.str_length(max_value=field.max_length, error=name)


def _bounded(*limits: float | None) -> bool:
    return any(limit is not None for limit in limits)


def _finite(data: Any) -> pl.LazyFrame:
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.col(data.key).is_finite())


def _matches(data: Any, pattern: str) -> pl.LazyFrame:
    """By Rust's engine; a request's text is seen by Python's, which is given the same meaning."""
    frame: pl.LazyFrame = data.lazyframe
    return frame.select(pl.col(data.key).str.contains(for_rust(pattern)))
