"""Which older snapshot is the training data of a protocol again, and who said so."""

from __future__ import annotations

from pulse_blocks.ledger.audit import record
from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

_ALL = "select seq, name, snapshot, who, at from restores"
_CURRENT = f"{_ALL} where name = ? order by seq desc limit 1"


class Restore(Fact, frozen=True, kw_only=True):
    """One move of a protocol's data pointer. Without ``snapshot`` runs read the datasource again."""

    seq: int
    name: str
    snapshot: str | None
    who: str
    at: int


class Restores(Table):
    """The history of every protocol's data pointer, never rewritten."""

    def restored(self, name: str) -> Restore | None:
        """What runs of a protocol train on instead of the datasource; None where they read it."""
        return _current(self._database.read(_CURRENT, (name,)))

    def restore(self, name: str, snapshot: str, who: str) -> Restore:
        """Let runs of a protocol train on a snapshot. Where they do already nothing is written."""
        with self._database.write() as transaction:
            now = _current(transaction.execute(_CURRENT, (name,)))
            if now is not None and now.snapshot == snapshot:
                return now
            return _move(transaction, name, snapshot, who)

    def undo_restore(self, name: str, who: str) -> Restore | None:
        """Let runs read the datasource again. Returns what was in force, None where nothing was."""
        with self._database.write() as transaction:
            now = _current(transaction.execute(_CURRENT, (name,)))
            if now is not None:
                _move(transaction, name, None, who)
            return now

    def restores(self, snapshot: str) -> list[Restore]:
        """Every time that a snapshot was made training data again, the oldest first."""
        rows = self._database.read(f"{_ALL} where snapshot = ? order by seq", (snapshot,))
        return list(map(_restore, rows))

    def restore_numbered(self, seq: int) -> Restore | None:
        """The move with this number; None where it is none, or one back to the datasource."""
        return _current(self._database.read(f"{_ALL} where seq = ?", (seq,)))

    def restored_snapshots(self) -> dict[str, str]:
        """The snapshot of every protocol that has one restored, by the protocol's name."""
        rows = self._database.read(
            "select name, snapshot from restores where seq in (select max(seq) from restores group by name)"
        )
        return {name: snapshot for name, snapshot in rows if snapshot is not None}


def _move(transaction: Transaction, name: str, snapshot: str | None, who: str) -> Restore:
    at = now_us()
    (row,) = transaction.execute(
        "insert into restores (name, snapshot, who, at) values (?,?,?,?) returning seq",
        (name, snapshot, who, at),
    )
    action = "snapshot.restore" if snapshot else "snapshot.restore_undone"
    record(transaction, who=who, action=action, subject=name, details={"snapshot": snapshot})
    return Restore(seq=row[0], name=name, snapshot=snapshot, who=who, at=at)


def _current(rows: list[Row]) -> Restore | None:
    found = _restore(rows[0]) if rows else None
    return found if found is not None and found.snapshot is not None else None


def _restore(row: Row) -> Restore:
    return Restore(**dict(zip(Restore.__struct_fields__, row, strict=True)))
