"""What all subjects of the ledger share."""

from __future__ import annotations

import time

from pulse_blocks.ledger.base import Database


class Table:
    """A subject of the ledger, over any driver."""

    def __init__(self, database: Database) -> None:
        self._database = database


def now_us() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def prefix_range(prefix: str) -> tuple[str, str]:
    """Bounds ``(a, b)`` with ``a <= text < b`` for every ASCII text that begins with ``prefix``.

    Unlike LIKE this uses the index and gives no character a meaning of its own.
    """
    return prefix, prefix + "\x7f"
