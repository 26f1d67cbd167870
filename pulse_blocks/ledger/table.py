"""What all subjects of the ledger share."""

from __future__ import annotations

import time

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.base import Database, Row


class Table:
    """A subject of the ledger, over any driver."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _only(self, select: str, id_or_prefix: str, what: str, hint: str) -> Row:
        """The row of ``select`` whose id is this one, or the only one that begins with it.

        Raises PulseError ``lineage.unknown`` or ``lineage.ambiguous``.
        """
        rows = self._database.read(
            f"{select} where id >= ? and id < ? order by id limit 2", prefix_range(id_or_prefix)
        )
        if not rows:
            raise PulseError("lineage.unknown", f"The ledger knows no {what} {id_or_prefix}.", hint)
        if len(rows) > 1 and rows[0][0] != id_or_prefix:
            raise PulseError(
                "lineage.ambiguous",
                f"{id_or_prefix} begins more than one id: {rows[0][0]} and {rows[1][0]} among others.",
                "Give more digits.",
            )
        return rows[0]


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def prefix_range(prefix: str) -> tuple[str, str]:
    """Bounds ``(a, b)`` with ``a <= text < b`` for every ASCII text that begins with ``prefix``.

    Unlike LIKE this uses the index and gives no character a meaning of its own.
    """
    return prefix, prefix + "\x7f"
