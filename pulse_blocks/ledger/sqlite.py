"""The ledger in a SQLite file, by the SQLite that the pysqlite3 wheel carries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self

import pysqlite3 as driver

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ledger.base import BREAK_SEALS, Durability, InferenceTuple, Row, Transaction, Values
from pulse_blocks.ledger.checkpoints import Checkpoints
from pulse_blocks.ledger.revisions import require_revision
from pulse_blocks.ledger.turns import Turns
from pulse_blocks.settings import sqlite_path

SCHEME = "sqlite:///"
# Two processes that write and checkpoint one WAL file can corrupt it from 3.7.0 to 3.51.2.
SAFE_VERSION = (3, 51, 3)
BUSY_SECONDS = 10.0
_ROW = "(?,?,?,?,?,?,?,?,?,?,?)"
# Rows to a statement: each step of SQLite lets go of the interpreter's lock, which others then want.
_MOST_ROWS = 64
_STATEMENTS = 2 * _MOST_ROWS
_INSERT_MISSING = f"insert into inferences values {_ROW} on conflict (id) do nothing"  # noqa: S608 - marks only
# The driver asks every value that is neither text, integer nor float how it wants to be stored, by way of two
# exceptions, unless it knows an adapter: nulls and hashes were three quarters of what an insert costs.
driver.register_adapter(bytes, bytes)
driver.register_adapter(type(None), {}.get)


def path_of(url: str) -> Path:
    """The file behind a ``sqlite:///`` URL."""
    path = sqlite_path(url)
    if path is None or not path.name:
        raise PulseError(
            "ledger.url", f"{url} names no SQLite file.", "Use a URL of the form sqlite:///path."
        )
    return path


def check_version(version: tuple[int, ...] = driver.sqlite_version_info) -> None:
    """Raise PulseError where the linked SQLite has the WAL-reset bug."""
    if version < SAFE_VERSION:
        found, needed = (".".join(map(str, numbers)) for numbers in (version, SAFE_VERSION))
        raise PulseError(
            "ledger.sqlite_too_old",
            f"SQLite {found} can corrupt a ledger that two processes write; {needed} or newer is needed.",
            "Install a newer pysqlite3: pip install --upgrade pysqlite3.",
        )


def connect(path: Path, durability: Durability = "full") -> Any:
    """A connection without implicit transactions, for any thread that holds the lock of its owner."""
    check_version()
    connection = driver.connect(
        str(path),
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    _use_wal(connection)
    connection.execute(f"pragma synchronous = {'full' if durability == 'full' else 'normal'}")
    connection.execute("pragma foreign_keys = on")
    return connection


def _use_wal(connection: Any) -> None:
    """Switch to WAL once. Where another process does the same, SQLite does not wait by itself."""
    deadline = time.monotonic() + BUSY_SECONDS
    while connection.execute("pragma journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("pragma journal_mode = wal")
        except driver.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def revision(url: str) -> str | None:
    """The schema's revision, None where there is no ledger yet. Creates nothing."""
    path = path_of(url)
    if not path.exists():
        return None
    with _translated(path):
        connection = driver.connect(f"file:{_quoted(path)}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        try:
            found = connection.execute("select version_num from alembic_version").fetchone()
        except driver.OperationalError as error:
            if "no such table" in str(error):
                return None
            raise
        finally:
            connection.close()
    return str(found[0]) if found else None


class SqliteDatabase:
    """One connection that writes and one that reads, each used by one thread at a time."""

    def __init__(self, path: Path, durability: Durability) -> None:
        self.path = path
        with _translated(path):
            self._writer = connect(path, durability)
            # Not SQLite waits for others, but who asks it, or does not.
            self._writer.execute("pragma busy_timeout = 0")
            self._reader = connect(path, durability)
        self._turns = Turns(path, BUSY_SECONDS)
        self._checkpoints = Checkpoints(lambda: connect(path, durability))
        self._writing = threading.Lock()
        self._reading = threading.Lock()

    @classmethod
    def open(cls, url: str, durability: Durability) -> Self:
        """Open a file whose schema is the one that this code knows; raises PulseError otherwise."""
        check_version()
        path = path_of(url)
        require_revision(str(path), revision(url))
        return cls(path, durability)

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        with _translated(self.path), self._reading:
            return list(self._reader.execute(sql, values).fetchall())

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with _translated(self.path), self._writing, self._turns.taken():
            connection = self._writer
            _patiently(lambda: connection.execute("begin immediate"))
            try:
                yield _Transaction(connection)
                connection.execute("commit")
            except BaseException:
                _undo(connection)
                raise

    def append_missing(self, rows: Sequence[InferenceTuple]) -> None:
        with self.write() as transaction:
            transaction.execute(BREAK_SEALS, (min((row[1] for row in rows), default=0),))
            for row in rows:
                transaction.execute(_INSERT_MISSING, row)

    def append(self, rows: Sequence[InferenceTuple]) -> None:
        with _translated(self.path), self._writing, self._turns.taken():
            _patiently(lambda: self._insert(rows))

    def append_at_once(self, rows: Sequence[InferenceTuple]) -> bool:
        if self._checkpoints.is_behind or not self._writing.acquire(blocking=False):
            return False
        try:
            with _translated(self.path):
                return self._turns.take_at_once() and self._insert_at_once(rows)
        finally:
            self._writing.release()

    def _insert_at_once(self, rows: Sequence[InferenceTuple]) -> bool:
        try:
            self._insert(rows)
        except driver.OperationalError as error:
            if _is_busy(error):
                return False
            raise
        else:
            return True
        finally:
            self._turns.give_back()

    def _insert(self, rows: Sequence[InferenceTuple]) -> None:
        """One transaction, of one statement where that is enough: it begins and commits by itself."""
        connection = self._writer
        if 0 < len(rows) <= _MOST_ROWS:
            connection.execute(_insert_of(len(rows)), [value for row in rows for value in row])
        else:
            connection.execute("begin immediate")
            try:
                for start in range(0, len(rows), _MOST_ROWS):
                    some = rows[start : start + _MOST_ROWS]
                    connection.execute(_insert_of(len(some)), [value for row in some for value in row])
                connection.execute("commit")
            except BaseException:
                _undo(connection)
                raise
        self._checkpoints.appended(len(rows), connection)

    def close(self) -> None:
        self._checkpoints.close()
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()
            self._turns.close()


class _Transaction:
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        return list(self._connection.execute(sql, values).fetchall())


@cache
def _insert_of(rows: int) -> str:
    """The statement for so many rows; few and always the same, so that they stay prepared."""
    return f"insert into inferences values {','.join([_ROW] * rows)}"  # noqa: S608 - marks only


def _patiently(begin: Callable[[], object]) -> None:
    """Do what needs the database for itself as soon as nobody else writes; nothing is done where it is not."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            begin()
        except driver.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.001)
        else:
            return


def _is_busy(error: Any) -> bool:
    return str(error.sqlite_errorname).startswith("SQLITE_BUSY")


def _undo(connection: Any) -> None:
    # SQLite has already rolled back by itself after some errors, a full disk among them.
    if connection.in_transaction:
        connection.execute("rollback")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except driver.IntegrityError as error:
        raise PulseError("ledger.refused", f"The ledger {path} refused a row: {error}.") from error
    except driver.Error as error:
        raise UnavailableError(
            "ledger.unavailable",
            f"The ledger {path} cannot be used: {error}.",
            "Check that the file is there, writable, and that the disk is not full.",
        ) from error


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path))
