"""The ledger: the append-only facts that lineage, promotion and resuming stand on.

``open_ledger`` speaks to the driver directly and imports nothing heavy; ``migrate`` needs Alembic and
SQLAlchemy, which cost most of a second, and is called by whatever runs the stages, never by the runtime.
"""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import REVISIONS, Durability
from pulse_blocks.ledger.ledger import Ledger

__all__ = ["Ledger", "migrate", "open_ledger"]


def open_ledger(url: str, durability: Durability = "full") -> Ledger:
    """The ledger at ``url``, which must have been migrated.

    ``durability`` is what a write survives: ``full`` a power loss, ``process`` the death of this process.
    Raises PulseError ``ledger.missing`` where nothing has been recorded yet, ``ledger.outdated`` or
    ``ledger.newer`` where schema and code do not fit, ``ledger.sqlite_too_old`` for an unsafe SQLite.
    """
    from pulse_blocks.ledger.sqlite import SqliteDatabase

    return Ledger(SqliteDatabase.open(_sqlite_only(url), durability))


def migrate(url: str) -> None:
    """Create the ledger's tables, or bring them up to date. Does nothing where they are.

    Safe to call from several processes at once.
    """
    from pulse_blocks.ledger.sqlite import revision

    if revision(_sqlite_only(url)) == REVISIONS[-1]:
        return
    from pulse_blocks.ledger.migrating import upgrade

    upgrade(url)


def _sqlite_only(url: str) -> str:
    if not url.startswith("sqlite:///"):
        scheme = url.split(":", 1)[0]
        raise PulseError(
            "ledger.url", f"A ledger cannot be kept in {scheme}.", "Use a URL of the form sqlite:///path."
        )
    return url
