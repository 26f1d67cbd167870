"""The ledger: the append-only facts that lineage, promotion and resuming stand on.

``open_ledger`` speaks to the driver directly and imports nothing heavy; ``migrate`` needs Alembic and
SQLAlchemy, which cost most of a second, and is called by whatever runs the stages, never by the runtime.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import REVISIONS, Durability
from pulse_blocks.ledger.ledger import Ledger
from pulse_blocks.ledger.revisions import require_revision
from pulse_blocks.secret_urls import hidden, resolve_references

__all__ = ["Ledger", "migrate", "open_ledger"]


_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


def open_ledger(url: str, durability: Durability = "full") -> Ledger:
    """The ledger at ``url``, which must have been migrated; ``${NAME}`` in it comes from the environment.

    ``durability`` is what a write survives: ``full`` a power loss, ``process`` the death of this process.
    Raises PulseError ``ledger.missing`` where nothing has been recorded yet, ``ledger.outdated`` or
    ``ledger.newer`` where schema and code do not fit, ``ledger.sqlite_too_old`` for an unsafe SQLite,
    ``ledger.extra_missing`` where PostgreSQL's driver is not installed.
    """
    url = resolve_references(url)
    if _is_postgres(url):
        with _driver():
            from pulse_blocks.ledger.postgres import PostgresDatabase
        return Ledger(PostgresDatabase.open(url, durability))
    from pulse_blocks.ledger.sqlite import SqliteDatabase

    return Ledger(SqliteDatabase.open(url, durability))


def migrate(url: str) -> None:
    """Create the ledger's tables, or bring them up to date. Does nothing where they are.

    Safe to call from several processes at once. Raises PulseError ``ledger.newer`` for one that a later version of
    Pulse has written.
    """
    url = resolve_references(url)
    if _is_postgres(url):
        with _driver():
            from pulse_blocks.ledger.postgres import revision
    else:
        from pulse_blocks.ledger.sqlite import revision

    found = revision(url)
    if found == REVISIONS[-1]:
        return
    if found is not None and found not in REVISIONS:
        require_revision(hidden(url), found)
    from pulse_blocks.ledger.migrating import upgrade

    upgrade(url)


def _is_postgres(url: str) -> bool:
    if url.startswith((_SQLITE, *_POSTGRES)):
        return not url.startswith(_SQLITE)
    scheme = url.split(":", 1)[0]
    raise PulseError(
        "ledger.url",
        f"A ledger cannot be kept in {scheme}.",
        "Use a URL of the form sqlite:///path or postgresql://user:${PASSWORD}@host/database.",
    )


@contextlib.contextmanager
def _driver() -> Iterator[None]:
    try:
        yield
    except ImportError:
        raise PulseError(
            "ledger.extra_missing",
            "The ledger is a PostgreSQL database, whose driver is not installed.",
            "Install the extra: pip install 'pulse-blocks[postgres]'.",
        ) from None
