"""A ledger that takes no inferences for a while: their table is elsewhere, so every append fails at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pysqlite3

from pulse_blocks.settings import Workspace, sqlite_path

AWAY, BACK = "alter table inferences rename to away", "alter table away rename to inferences"


@contextlib.contextmanager
def absent(workspace: Workspace) -> Iterator[None]:
    """Until the block ends."""
    _run(workspace, AWAY)
    try:
        yield
    finally:
        _run(workspace, BACK)


def _run(workspace: Workspace, statement: str) -> None:
    path = sqlite_path(workspace.ledger)
    if path:
        with contextlib.closing(pysqlite3.connect(str(path), isolation_level=None, timeout=10)) as connection:
            connection.execute(statement)
    else:
        import psycopg

        with psycopg.connect(workspace.ledger, autocommit=True) as connection:
            connection.execute(statement.encode())
