"""The ledger in PostgreSQL, by psycopg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final, Self

import psycopg

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger.base import BREAK_SEALS, Durability, InferenceTuple, Row, Transaction, Values
from pulse_blocks.ledger.postgres_line import Connection, Line, connect, place_of, translated
from pulse_blocks.ledger.revisions import require_revision

# Whoever writes holds this lock until it commits: what it reads stays true. Inferences need it not.
WRITERS_LOCK = 0x50554C5345
# Requests wait for inferences to be written: half of the time that they have, as with a model that hangs.
JOURNAL_PATIENCE_SECONDS = 5.0
# Nobody waits in line behind the others, and a query over very many rows takes its time. A runtime whose server is gone
# and was replaced, while its machine still acknowledges what comes, finds the new one after so long.
PATIENCE_SECONDS = 120.0
_COPY = (
    "copy inferences (id, at, event_time, source_key, model, input, output, input_sha256, output_sha256,"
    " latency_us, flags) from stdin (format binary)"
)
_INSERT_MISSING = (
    "insert into inferences (id, at, event_time, source_key, model, input, output, input_sha256, output_sha256,"
    " latency_us, flags) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict (id) do nothing"
)
_TYPES = ("text", "int8", "int8", "text", "text", "text", "text", "bytea", "bytea", "int4", "int4")
_SOURCE_KEY: Final = 3


def revision(url: str) -> str | None:
    """The schema's revision, None where there is no ledger yet. Creates nothing."""
    with translated(place_of(url)), connect(url) as connection:
        try:
            found = connection.execute("select version_num from alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(found[0]) if found else None


class PostgresDatabase:
    """A connection each for inferences, for everything else that is written, and for reading."""

    def __init__(self, url: str, durability: Durability) -> None:
        self.place = place_of(url)
        self._journal = Line(url, self.place, durability, JOURNAL_PATIENCE_SECONDS)
        self._writer, self._reader = (Line(url, self.place, durability, PATIENCE_SECONDS) for _ in range(2))

    @classmethod
    def open(cls, url: str, durability: Durability) -> Self:
        """Open a database whose schema is the one that this code knows; raises PulseError otherwise."""
        require_revision(place_of(url), revision(url))
        return cls(url, durability)

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        try:
            return self._read(sql, values)
        except UnavailableError:
            # Reading twice does no harm, and the second time is on a new connection.
            return self._read(sql, values)

    def _read(self, sql: str, values: Values) -> list[Row]:
        with self._reader.use() as connection:
            return connection.execute(_placed(sql), _storable(values)).fetchall()

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._writer.use() as connection, connection.transaction():
            connection.execute("select pg_advisory_xact_lock(%s)", (WRITERS_LOCK,))
            yield _Transaction(connection)

    def append(self, rows: Sequence[InferenceTuple]) -> None:
        # One statement without a transaction around it: one round trip, and durable when it returns.
        with self._journal.use() as connection, connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            copy.set_types(_TYPES)
            for row in rows:
                copy.write_row(_storable(row) if "\0" in (row[_SOURCE_KEY] or "") else row)

    def append_at_once(self, rows: Sequence[InferenceTuple]) -> bool:  # noqa: ARG002 - an interface
        # The server has to be waited for.
        return False

    def append_missing(self, rows: Sequence[InferenceTuple]) -> None:
        with self._journal.use() as connection, connection.transaction(), connection.cursor() as cursor:
            oldest = min((row[1] for row in rows), default=0)
            cursor.execute("select pg_advisory_xact_lock(%s)", (WRITERS_LOCK,))
            cursor.execute(_placed(BREAK_SEALS), (oldest,))
            cursor.executemany(_INSERT_MISSING, [_storable(row) for row in rows])

    def close(self) -> None:
        for line in (self._journal, self._writer, self._reader):
            line.close()


class _Transaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        cursor = self._connection.execute(_placed(sql), _storable(values))
        return cursor.fetchall() if cursor.description else []


@lru_cache(maxsize=256)
def _placed(sql: str) -> bytes:
    """Parameters in psycopg's form. No statement of ours holds a question mark of its own."""
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _storable(values: Values) -> tuple[Any, ...]:
    """PostgreSQL has no text with NUL characters: each becomes the character that stands for unreadable ones."""
    return tuple(
        value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
        for value in values
    )
