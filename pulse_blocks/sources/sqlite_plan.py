"""How a query is read from SQLite: which columns, as what, in which order, between which times.

The driver types a column by its first batch, so a real number that follows whole ones is an error, and an empty column
counts as whole numbers. Two things prevent that. Where the first batch does not tell the right types, a row of literals
that do comes first (and is dropped by the reader). And where a column's affinity does not guarantee the type, numbers
and everything else are read as two columns, and the text is parsed here: a cast in SQL would make 0.0 of ``abc``.
"""

from __future__ import annotations

import re

import msgspec

from pulse_blocks.sources.arrow import kind_of
from pulse_blocks.sources.base import Query
from pulse_blocks.sources.parameters import statement

_NUMERIC = ("INT", "REAL", "NUM")
_TIME = re.compile(
    r"(?P<clock>\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?)(?P<zone>(Z|[+-]\d\d(:?\d\d)?)?)\Z",
    re.ASCII,
)
_LITERALS = {"float": "0.5", "int": "0", "text": "''"}
_DRIVER_TYPES = {"float": "double", "int": "int64", "text": "string"}


class Reading(msgspec.Struct, frozen=True):
    """How one column is read: SQL expressions, each with the type that it gives (a key of the literals).

    ``storage`` are the storage classes that the one expression of a column may have, empty where any may occur.
    """

    name: str
    kind: str
    expressions: tuple[tuple[str, str], ...]
    storage: tuple[str, ...] = ()


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def readings(query: Query, affinities: dict[str, str]) -> tuple[Reading, ...]:
    """One reading for each column of the query, by the protocol's type and the affinity SQLite reports."""
    return tuple(
        _reading(column.name, kind_of(column), affinities[column.name].upper()) for column in query.columns
    )


def _reading(name: str, kind: str, affinity: str) -> Reading:
    column = quoted(name)
    if affinity == "TEXT":
        return Reading(name, kind, ((column, "text"),))
    if kind == "string":  # the driver would write six digits of a real number
        real = f"typeof({column}) = 'real'"
        parts = (f"case when {real} then {column} end", f"case when not {real} then {column} end")
        return Reading(name, kind, ((parts[0], "float"), (parts[1], "text")))
    if kind == "float" and affinity in _NUMERIC:
        return Reading(name, kind, ((column, "float"),), ("integer", "real", "null"))
    if kind in ("int", "bool") and affinity in ("INT", "NUM"):
        return Reading(name, kind, ((column, "int"),), ("integer", "null"))
    number = _number(column, kind)
    rest = f"case when ({number}) is null then cast({column} as text) end"
    return Reading(name, kind, ((number, "float" if kind == "float" else "int"), (rest, "text")))


def _number(column: str, kind: str) -> str:
    """The value where it is a number of the wanted kind, null elsewhere. A time is never made of a fraction."""
    if kind == "float":
        return f"case when typeof({column}) in ('integer', 'real') then cast({column} as real) end"
    if kind in ("int", "bool"):
        whole = f"cast({column} as integer)"
        return (
            f"case typeof({column}) when 'integer' then {column} "
            f"when 'real' then case when {column} = {whole} then {whole} end end"
        )
    return f"case when typeof({column}) = 'integer' then {column} end"


def select(query: Query, reads: tuple[Reading, ...], order: tuple[str, ...]) -> str:
    """The statement: the rows in order.

    Only the first column is sorted by: an index can give that order, and sorting whole rows of equal times again costs
    half as much as reading them.
    """
    pairs = [pair for reading in reads for pair in reading.expressions]
    expressions = ", ".join(f"{expression} as c{number}" for number, (expression, _) in enumerate(pairs))
    rows = f"select {expressions} from (\n{statement(query.sql)}\n)"  # noqa: S608 - names are quoted, values bound
    return f"{rows} order by {_order_term(reads, order[0])}" if order else rows


def after_literals(rows: str, reads: tuple[Reading, ...]) -> str:
    """The same statement behind a first row of literals. It costs a seventh more, since each row is copied.

    A limit keeps the planner from dropping the order of a subquery. That SQLite keeps the order of the second arm is
    how it works, not what it promises; ``ordering.settle`` checks it.
    """
    literals = ", ".join(_LITERALS[kind] for reading in reads for _, kind in reading.expressions)
    return f"select {literals} union all select * from ({rows} limit -1)"  # noqa: S608 - identifiers are quoted


def driver_types(reads: tuple[Reading, ...]) -> list[str]:
    """The Arrow types that the driver should find, one for each expression."""
    return [_DRIVER_TYPES[kind] for reading in reads for _, kind in reading.expressions]


def _order_term(reads: tuple[Reading, ...], name: str) -> str:
    kind = next(reading.kind for reading in reads if reading.name == name)
    cast = {"string": "text", "int": "integer", "bool": "integer", "float": "real"}.get(kind)
    return f"cast({quoted(name)} as {cast}) collate binary" if cast else f"{quoted(name)} collate binary"


def reals_as_strings(reads: tuple[Reading, ...], name: str) -> str | None:
    """An SQL condition for values of a column whose text SQLite writes otherwise, so that it sorts them otherwise.

    None where there can be none.
    """
    reading = next(reading for reading in reads if reading.name == name)
    can = reading.kind == "string" and len(reading.expressions) > 1
    return f"typeof({quoted(name)}) = 'real'" if can else None


def same_form(time: str, sample: object) -> str | None:
    """An SQL condition that holds for times which sort as they are stored, being written as ``sample`` is.

    None where that cannot be said of any. Up to the seconds it looks at the marks between the digits alone, at two
    thirds of the cost: what has something else there is no time, as parsing it says.
    """
    if isinstance(sample, int):
        return f"typeof({quoted(time)}) = 'integer'"
    match = _TIME.match(sample) if isinstance(sample, str) else None
    if match is None:
        return None
    clock, point, fraction = match["clock"].partition(".")
    pattern = re.sub(r"\d", "?", clock) + point + "[0-9]" * len(fraction) + match["zone"]
    return f"{quoted(time)} glob '{pattern}'"
