"""The types of CSV files, which have none: by what all of the files hold, and for text and times by the protocol."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pulse_blocks.sources.base import Query

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


def codes(query: Query, sql: str, schema: pl.Schema) -> list[str]:
    """Columns of numbers that the query gives, under another name, as what the protocol calls text.

    Found by planning the query over an empty frame, where such a column is text: the result has to be text then. One
    that is reckoned with cannot be text.
    """
    import polars as pl

    def given(kinds: Mapping[str, pl.DataType]) -> pl.Schema:
        empty = pl.Schema({**schema, **kinds}).to_frame()
        with contextlib.suppress(pl.exceptions.PolarsError):
            return pl.SQLContext({query.datasource: empty}).execute(sql).collect().schema
        return pl.Schema()

    named = {each.name for each in query.columns}
    numbers = [name for name, kind in schema.items() if kind.is_numeric() and name not in named]
    renamed = [each.name for each in query.columns if each.field.type in _TEXT and each.name not in schema]
    if not numbers or not renamed:
        return []
    plain = given({})
    wanted = [name for name in renamed if plain.get(name, pl.String()).is_numeric()]
    as_text = {name: given({name: pl.String()}) for name in numbers if wanted}
    return [name for name in as_text if any(as_text[name].get(each) == pl.String for each in wanted)]


def with_digits(table: pl.LazyFrame, text: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Of ``text``, where some columns of ``table`` are read as text: numbers again where no digit is lost by that."""
    import polars as pl

    schema = table.collect_schema()
    same = [
        pl.col(name).eq_missing(pl.col(name).cast(schema[name], strict=False).cast(pl.String())).all()
        for name in columns
    ]
    safe = text.select(same).collect().row(0, named=True)
    return text.with_columns(pl.col(name).cast(schema[name]) for name in columns if safe[name])


def _both(one: pl.DataType, other: pl.DataType) -> pl.DataType:
    import polars as pl

    if one == other:
        return one
    return pl.Float64() if one.is_numeric() and other.is_numeric() else pl.String()
