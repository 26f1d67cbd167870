"""Who did what: a log whose rows each hold the hash of the one before, so that none can be changed unseen."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.rows import AuditRow
from pulse_blocks.ledger.table import Table, now_us

_SELECT = "select seq, at, who, action, subject, details, previous, hash from audit"
# What the first row names as the one before it.
BEGINNING = "0" * 64


class AuditLog(Table):
    """Rows are only written together with what they tell of, by ``record``."""

    def audit_rows(self) -> list[AuditRow]:
        """The whole log, the oldest first. It grows by a row for each deed of a person or pipeline."""
        return [_row(row) for row in self._database.read(f"{_SELECT} order by seq")]


def record(transaction: Transaction, *, who: str, action: str, subject: str, details: dict[str, Any]) -> None:
    """Add a row in the transaction of the deed itself: neither is ever there without the other."""
    last = transaction.execute("select seq, hash from audit order by seq desc limit 1")
    seq, previous = (last[0][0] + 1, last[0][1]) if last else (1, BEGINNING)
    text = msgspec.json.encode(details, order="sorted").decode()
    at = now_us()
    transaction.execute(
        "insert into audit (seq, at, who, action, subject, details, previous, hash) values (?,?,?,?,?,?,?,?)",
        (
            seq,
            at,
            who,
            action,
            subject,
            text,
            previous,
            chained(previous, seq, at, who, action, subject, text),
        ),
    )


def chained(previous: str, seq: int, at: int, who: str, action: str, subject: str, details: str) -> str:
    """The sha256 over the row before and this one's canonical form, a JSON array."""
    row = msgspec.json.encode([previous, seq, at, who, action, subject, details])
    return hashlib.sha256(row).hexdigest()


def _row(row: Row) -> AuditRow:
    return AuditRow(**dict(zip(AuditRow.__struct_fields__, row, strict=True)))
