"""What the ledger asks of a database driver."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

Durability = Literal["full", "process"]
Values = Sequence[Any]
Row = tuple[Any, ...]

# Alembic's revision ids, oldest first; the code works with the last. Kept here, because the runtime compares
# them without importing Alembic. A test holds them to the scripts.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009")

# The order of a row handed to ``append``: id, at, event_time, source_key, model, input, output,
# input_sha256, output_sha256, latency_us, flags.
InferenceTuple = tuple[str, int, int | None, str | None, str, str, str, bytes, bytes, int, int]

# Kept counts (see ``counts.py``) that rows from this time on may not be in.
BREAK_SEALS = "delete from sealed_counts where until > ?"


class Transaction(Protocol):
    """A write transaction that no other writer overlaps: what it reads stays true until it commits."""

    def execute(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one statement, its parameters written as ``?``."""


class Database(Protocol):
    """One database, used by any number of threads.

    Every method raises UnavailableError ``ledger.unavailable`` where the database is out of reach or full.
    What was being written is then not there; only where a server goes away in the very moment of a commit
    nobody can tell.
    """

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        """Run one query, its parameters written as ``?``."""

    def write(self) -> AbstractContextManager[Transaction]:
        """A transaction that is durable when the block ends, and undone where the block raises."""

    def append(self, rows: Sequence[InferenceTuple]) -> None:
        """Add inferences in one transaction that is durable on return."""

    def append_at_once(self, rows: Sequence[InferenceTuple]) -> bool:
        """The same where nobody has to be waited for; False where nothing was done, since somebody would have been."""

    def append_missing(self, rows: Sequence[InferenceTuple]) -> None:
        """The same, leaving out those whose id is there already."""

    def close(self) -> None:
        """Let go of connections. The database must not be used afterwards."""
