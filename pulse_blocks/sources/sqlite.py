"""SQLite through ADBC: streamed, and opened so that no query can change it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.sources import parameters
from pulse_blocks.sources.ahead import ahead
from pulse_blocks.sources.arrow import arrow_schema
from pulse_blocks.sources.base import Query, Rows, check_columns, not_empty
from pulse_blocks.sources.ordering import settle, several_forms
from pulse_blocks.sources.sqlite_plan import (
    Reading,
    after_literals,
    driver_types,
    quoted,
    readings,
    reals_as_strings,
    same_form,
    select,
)
from pulse_blocks.sources.times import binding, offset_in
from pulse_blocks.sources.values import bad_value, conform_batch

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 8192
_EVER: tuple[dict[str, str | int], ...] = (
    {"start": "0000-01-01 00:00:00", "end": "9999-12-31 23:59:59"},
    {"start": -(2**62), "end": 2**62},
)
Connection = Any  # adbc_driver_manager carries no types
Bound = dict[str, str | int]


@dataclasses.dataclass(frozen=True)
class SqliteSource:
    """A SQLite file."""

    path: Path

    def stream(self, query: Query) -> Rows:
        """See ``Source.stream``. All reads happen in one transaction."""
        connection = self._connect(query.datasource)
        try:
            with _refusals(query.datasource, self.path):
                plan = _plan(connection, query)
            batches = settle(self._read(connection, query, plan), plan.order, query.datasource)
            return Rows(arrow_schema(query.columns), not_empty(query, batches), plan.left_out, plan.total)
        except BaseException:
            connection.close()
            raise

    def test(self) -> str:
        """See ``Source.test``."""
        sql = "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite_%' order by 1"
        connection = self._connect("sqlite")
        with contextlib.closing(connection), _refusals("sqlite", self.path):
            tables = ", ".join(row[0] for row in _rows(connection, sql))
        return f"SQLite file {self.path} can be read; it holds {tables or 'no table'}."

    def peek(self, query: Query, most: int) -> pa.Table:
        """See ``Source.peek``. The rows are one batch, which is what the driver takes a column's type from."""
        asked = parameters.names(query)
        sql = f"select * from (\n{parameters.statement(query.sql)}\n) limit {most}"  # noqa: S608 - the user's own query
        connection = self._connect(query.datasource)
        with contextlib.closing(connection), _refusals(query.datasource, self.path):
            for ever in _EVER:
                with connection.cursor() as cursor:
                    cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": most})
                    cursor.execute(sql, [ever[name] for name in asked] or None)
                    table = cursor.fetch_arrow_table()
                if table.num_rows:
                    break
        return table

    def _connect(self, name: str) -> Connection:
        from adbc_driver_sqlite import dbapi

        if not self.path.is_file():
            raise PulseError(
                "source.missing",
                f"Datasource {name}: there is no file {self.path}.",
                "Correct the datasource's URL, or create the file.",
            )
        if not os.access(self.path, os.R_OK):
            raise PulseError(
                "source.denied",
                f"Datasource {name}: {self.path} may not be read by this user.",
                "Change its mode.",
            )
        with _refusals(name, self.path):
            return dbapi.connect(f"file:{urllib.parse.quote(str(self.path))}?mode=ro")

    def _read(self, connection: Connection, query: Query, plan: _Plan) -> Iterator[pa.RecordBatch]:
        """Batches in canonical types, in the order of the plan. Closes the connection at its end."""
        with (
            contextlib.closing(connection),
            _refusals(query.datasource, self.path),
            connection.cursor() as cursor,
        ):
            reader, dropped = _reader(connection, cursor, query, plan)
            try:
                with contextlib.closing(ahead(reader)) as batches:
                    yield from _conformed(batches, query, plan, dropped)
            except OSError as error:  # the driver met a value of another storage class
                raise _misfit(connection, query, plan, error) from error


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What was found out before reading. ``order`` is empty where the rows have to be sorted in memory."""

    readings: tuple[Reading, ...]
    parameters: tuple[str, ...]
    bound: Bound
    order: tuple[str, ...]
    left_out: tuple[str, ...]
    total: int | None


def _plan(connection: Connection, query: Query) -> _Plan:
    names = parameters.names(query)
    inner = f"(\n{parameters.statement(query.sql)}\n)"
    affinities = _affinities(connection, inner, [_EVER[0][name] for name in names])
    left_out = check_columns(query, list(affinities))
    reads = readings(query, affinities)
    if query.time is None:
        bound = binding(query.window, None)
        other = reals_as_strings(reads, query.order[0]) if query.order else None
        sql = f"select 1 from {inner} where {other} limit 1"  # noqa: S608 - quoted
        unsorted = other and _rows(connection, sql, [bound[name] for name in names])
        return _Plan(reads, names, bound, () if unsorted else query.order, left_out, None)
    sample = _sample(connection, inner, query.time, names)
    zone, ever = offset_in(sample), [_EVER[0][name] for name in names]
    other = f"substr({quoted(query.time)}, {-len(zone)}) <> '{zone}'"
    if zone and names and _rows(connection, f"select 1 from {inner} where {other} limit 1", ever):  # noqa: S608 - digits
        raise several_forms(query.datasource, query.time)
    bound = binding(query.window, sample)
    form = same_form(query.time, sample)
    total, sorted_ = _rows(
        connection,
        f"select count(*), sum({quoted(query.time)} is null or {form or 'false'}) from {inner}",  # noqa: S608 - quoted
        [bound[name] for name in names],
    )[0]
    return _Plan(reads, names, bound, query.order if total == sorted_ else (), left_out, total)


def _affinities(connection: Connection, inner: str, bound: list[str | int]) -> dict[str, str]:
    """The columns of a query and their affinities, from an empty temporary table made of it."""
    shape = f"create temp table pulse_shape as select * from {inner} limit 0"  # noqa: S608 - the protocol's own query
    _rows(connection, shape, bound)
    return dict(_rows(connection, "select name, type from pragma_table_info('pulse_shape')"))


def _sample(connection: Connection, inner: str, time: str, names: tuple[str, ...]) -> object:
    """Some stored time: text is compared with text and seconds with seconds, so the window has to match."""
    sql = f"select {quoted(time)} from {inner} where {quoted(time)} is not null limit 1"  # noqa: S608 - quoted
    for ever in _EVER:
        if found := _rows(connection, sql, [ever[name] for name in names]):
            return found[0][0]
    return None


def _rows(connection: Connection, sql: str, bound: list[str | int] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, bound or None)
        return list(cursor.fetchall())


def _reader(connection: Connection, cursor: Any, query: Query, plan: _Plan) -> tuple[Any, int]:
    """The driver's batches, and how many rows in front are literals, which are put there where types need them."""
    rows, bound = select(query, plan.readings, plan.order), [plan.bound[name] for name in plan.parameters]
    cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": BATCH_ROWS})
    if not _sorts(connection, rows, bound):  # which is too dear to be done twice
        cursor.execute(rows, bound or None)
        reader = cursor.fetch_record_batch()
        if [str(kind) for kind in reader.schema.types] == driver_types(plan.readings):
            return reader, 0
    cursor.execute(after_literals(rows, plan.readings), bound or None)
    return cursor.fetch_record_batch(), 1


def _sorts(connection: Connection, sql: str, bound: list[str | int]) -> bool:
    """Whether SQLite has no index for the order."""
    steps = _rows(connection, f"explain query plan {sql}", bound)
    return any(str(step[-1]).startswith("USE TEMP B-TREE") for step in steps)


def _conformed(reader: Any, query: Query, plan: _Plan, dropped: int) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(query.columns)
    for number, raw in enumerate(reader):
        batch = raw if number else raw.slice(dropped)
        arrays, parts = {}, iter(batch.columns)
        for reading in plan.readings:
            arrays[reading.name] = [next(parts) for _ in reading.expressions]
        yield conform_batch(query, schema, arrays)


def _misfit(connection: Connection, query: Query, plan: _Plan, error: OSError) -> PulseError:
    """Name the value that the driver could not read as its column's type."""
    inner = f"(\n{parameters.statement(query.sql)}\n)"
    keys = list(query.order)
    for reading in plan.readings:
        if not reading.storage:
            continue
        allowed = ", ".join(f"'{name}'" for name in reading.storage)
        wanted = ", ".join(f"cast({quoted(name)} as text)" for name in [reading.name, *keys])
        sql = f"select {wanted} from {inner} where typeof({quoted(reading.name)}) not in ({allowed}) limit 1"  # noqa: S608 - quoted
        for value, *row in _rows(connection, sql, [plan.bound[name] for name in plan.parameters]):
            return bad_value(query, reading.name, value, dict(zip(keys, row, strict=True)))
    return PulseError("source.failed", f"Datasource {query.datasource} cannot be read: {error}.")


@contextlib.contextmanager
def _refusals(name: str, path: Path) -> Iterator[None]:
    """The driver's errors as ours."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        reason = str(error).partition("\nquery:")[0].rpartition(": [SQLite] ")[2]
        reason = reason.removeprefix("Failed to prepare query: ")
        if "not a database" in reason or "malformed" in reason:
            raise PulseError(
                "source.unreadable", f"Datasource {name}: {path} is no sound SQLite database ({reason})."
            ) from error
        if "locked" in reason or "busy" in reason:
            raise UnavailableError(
                "source.locked",
                f"Datasource {name}: {path} is in use by another process.",
                "Try again later.",
            ) from error
        if "Failed to prepare" in str(error) or "parameter" in reason:
            raise PulseError(
                "source.query",
                f"Datasource {name} refuses the query: {reason}.",
                "Correct source.query in the protocol.",
            ) from error
        raise UnavailableError(
            "source.failed", f"Datasource {name}: {path} cannot be read: {reason}."
        ) from error
