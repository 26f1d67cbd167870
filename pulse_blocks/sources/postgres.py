"""PostgreSQL through ADBC: streamed, in one read-only transaction, with the window as bound parameters."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.sources import parameters
from pulse_blocks.sources.ahead import ahead
from pulse_blocks.sources.arrow import arrow_schema, kind_of
from pulse_blocks.sources.base import Query, Rows, check_columns, not_empty
from pulse_blocks.sources.ordering import settle, several_forms
from pulse_blocks.sources.postgres_url import settings, without_secrets
from pulse_blocks.sources.times import as_times, binding, offset_in
from pulse_blocks.sources.values import IN_THE_CLEAR, WITHHELD, conform_batch

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_BYTES = 4 * 2**20
_EVER = {"start": "'0001-01-01'", "end": "'9999-12-31'"}
Connection = Any  # adbc_driver_manager carries no types


@dataclasses.dataclass(frozen=True, repr=False)
class PostgresSource:
    """A PostgreSQL database. The URL may hold a password and is never shown."""

    url: str

    def stream(self, query: Query) -> Rows:
        """See ``Source.stream``."""
        connection = self._connect(query.datasource)
        try:
            with _refusals(query.datasource):
                given = _schema(connection, query)
            left_out = check_columns(query, given.names)
            order = query.order if _sortable(query, given) else ()
            read = _read(connection, query, order, given)
            batches = settle(read, order, query.datasource)
            return Rows(arrow_schema(query.columns), not_empty(query, batches), left_out)
        except BaseException:
            connection.close()
            raise

    def test(self) -> str:
        """See ``Source.test``."""
        sql = "select current_database(), current_user, count(*) from pg_tables where schemaname <> 'pg_catalog'"
        connection = self._connect("postgresql")
        with contextlib.closing(connection), _refusals("postgresql"), connection.cursor() as cursor:
            cursor.execute(sql)
            database, user, tables = cursor.fetchone()
        return f"PostgreSQL database {database} can be read as {user}; it holds {tables} tables."

    def peek(self, query: Query, most: int) -> pa.Table:
        """See ``Source.peek``. The ends of time are literals that take the type of what they are compared with."""
        parameters.names(query)
        inner = parameters.rewrite(parameters.statement(query.sql), lambda name: _EVER[name])
        connection = self._connect(query.datasource)
        with (
            contextlib.closing(connection),
            _refusals(query.datasource),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"select * from (\n{inner}\n) as pulse_rows limit {most}")  # noqa: S608 - the user's own query
            return cursor.fetch_arrow_table()

    def _connect(self, name: str) -> Connection:
        try:
            from adbc_driver_postgresql import dbapi

            given = settings(self.url, name)
        except ImportError:
            raise PulseError(
                "source.extra_missing",
                f"Datasource {name} is a PostgreSQL database, whose driver is not installed.",
                "Install the extra: pip install 'pulse-blocks[postgres]'.",
            ) from None
        with _refusals(name, self.url):
            connection = dbapi.connect(given)
            with connection.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
                cursor.execute("set local time zone 'UTC'")
        return connection


def _schema(connection: Connection, query: Query) -> pa.Schema:
    """What the query gives, without running it: its parameters are null."""
    parameters.names(query)
    sql = parameters.rewrite(parameters.statement(query.sql), lambda _: "null")
    with connection.cursor() as cursor:
        cursor.execute(f"select * from (\n{sql}\n) as pulse_rows limit 0")  # noqa: S608 - the protocol's own query
        return cursor.fetch_arrow_table().schema


def _read(
    connection: Connection, query: Query, order: tuple[str, ...], given: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Batches in canonical types. Closes the connection at its end."""
    schema = arrow_schema(query.columns)
    with (
        contextlib.closing(connection),
        _refusals(query.datasource, private=bool(query.private)),
        connection.cursor() as cursor,
    ):
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
        cursor.execute(_select(query, order), _bound(query, given, connection))
        with contextlib.closing(ahead(cursor.fetch_record_batch())) as batches:
            for raw in batches:
                arrays = {name: [raw.column(number)] for number, name in enumerate(schema.names)}
                yield conform_batch(query, schema, arrays)


def _select(query: Query, order: tuple[str, ...]) -> str:
    names = parameters.names(query)
    inner = parameters.rewrite(parameters.statement(query.sql), lambda name: f"${names.index(name) + 1}")
    columns = ", ".join(_quoted(column.name) for column in query.columns)
    sql = f"select {columns} from (\n{inner}\n) as pulse_rows"  # noqa: S608 - quoted, values bound
    if order:
        first = next(column for column in query.columns if column.name == order[0])
        term = (
            f'cast({_quoted(first.name)} as text) collate "C"'
            if kind_of(first) == "string"
            else _quoted(first.name)
        )
        sql += f" order by {term} nulls first"
    return sql


def _bound(query: Query, given: pa.Schema, connection: Connection) -> list[object] | None:
    """The window in the form of the stored times: instants, seconds or text."""
    import pyarrow as pa

    kind = given.field(query.time).type if query.time else None
    ends: dict[str, Any] = {}
    names = parameters.names(query)
    if names and query.window is not None:
        if kind is None or pa.types.is_temporal(kind):
            ends = as_times(query.window)
        else:
            sample = (
                _sample(connection, query) if _is_text(kind) else 0 if pa.types.is_integer(kind) else None
            )
            ends = binding(query.window, sample)
    return [ends[name] for name in names] or None


def _sample(connection: Connection, query: Query) -> object:
    """Some stored time that is text. Raises PulseError where another one has another offset."""
    inner = parameters.rewrite(parameters.statement(query.sql), lambda name: _EVER[name])
    time = _quoted(query.time or "")
    rows = f"select {time} from (\n{inner}\n) as pulse_rows where {time}"  # noqa: S608 - the protocol's own query
    with connection.cursor() as cursor:
        cursor.execute(f"{rows} is not null limit 1")
        sample = next(iter(cursor.fetchall()), (None,))[0]
        if zone := offset_in(sample):
            cursor.execute(f"{rows} not like '%{zone}' limit 1")
            if cursor.fetchall():
                raise several_forms(query.datasource, query.time or "")
    return sample


def _sortable(query: Query, given: pa.Schema) -> bool:
    """Whether the database sorts the first column of the order as its canonical values sort."""
    import pyarrow as pa

    if not query.order:
        return True
    kind = given.field(query.order[0]).type
    if query.time is not None:
        return not _is_text(kind)
    first = next(column for column in query.columns if column.name == query.order[0])
    return not (kind_of(first) == "string" and pa.types.is_floating(kind))  # 1e14 is written differently


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@contextlib.contextmanager
def _refusals(name: str, url: str = "", *, private: bool = False) -> Iterator[None]:
    """The driver's errors as ours: a fault of the query, or a database that is out of reach.

    Those that quote values are not repeated where some are ``private``, and the secrets of ``url`` never are.
    """
    import pyarrow as pa
    from adbc_driver_manager import Error

    try:
        yield
    except (Error, OSError, pa.ArrowException) as error:
        state = getattr(error, "sqlstate", None) or ""
        reason = " ".join(without_secrets(str(error), url).split())
        # An error in the middle of the rows comes through Arrow, without its code.
        in_rows = "PGRES_FATAL_ERROR" in reason and "connection" not in reason
        if private and (state.startswith("22") or in_rows):
            raise PulseError("source.query", f"Datasource {name}: {WITHHELD}", IN_THE_CLEAR) from None
        if state.startswith(("42", "22", "25")) or in_rows:
            raise PulseError(
                "source.query",
                f"Datasource {name} refuses the query: {reason}",
                "Correct source.query in the protocol.",
            ) from None
        # From nothing: a traceback that shows the cause would show the words of it that were taken out.
        raise UnavailableError("source.failed", f"Datasource {name} cannot be read: {reason}") from None
