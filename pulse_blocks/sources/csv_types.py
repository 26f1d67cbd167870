"""The types of CSV files, which have none: by what all of the files hold, and for text and times by the protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_TEXT = ("string", "category", "timestamp", "date")


def csv_types(paths: Sequence[str], kinds: Mapping[str, str]) -> dict[str, pl.DataType]:
    """The type of each column. ``kinds`` are those of the protocol, by the column's name.

    What the protocol calls string, category or a time is read as text. Any other column is what its values are in
    every file; a file without a value of it, such as one with a header alone, does not count. Integers and floats
    together are floats, any other mixture is text.
    """
    import polars as pl

    found: dict[str, pl.DataType] = {}
    header: list[str] = []
    for path in paths:
        table = pl.scan_csv(path, glob=False, infer_schema_length=None)
        schema = table.collect_schema()
        header += [name for name in schema.names() if name not in header]
        held = table.select(pl.all().count()).collect().row(0, named=True)
        for name, kind in schema.items():
            if held[name]:
                found[name] = kind if name not in found else _both(found[name], kind)
    plain = {"float": pl.Float64(), "int": pl.Int64(), "bool": pl.Boolean()}
    for name in header:
        kind_of_protocol = kinds.get(name, "string")
        if kind_of_protocol in _TEXT and name in kinds:
            found[name] = pl.String()
        elif name not in found:
            found[name] = plain.get(kind_of_protocol, pl.String())
    return found


def _both(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    import polars as pl

    if one == other:
        return one
    return pl.Float64() if one.is_numeric() and other.is_numeric() else pl.String()
