"""Legal holds: nothing of a held name is deleted, whatever its retention says."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.audit import record
from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

_SELECT = "select name, reason, who, at from holds where held = 1"
_NEWEST = f"{_SELECT} and seq in (select max(seq) from holds group by name)"  # noqa: S608 - words of ours


class Hold(Fact, frozen=True, kw_only=True):
    """A hold on all inferences of a name, in force since ``at``."""

    name: str
    reason: str
    who: str
    at: int


class Holds(Table):
    """The history of every name's hold, never rewritten; each step is in the audit log too."""

    def hold(self, name: str, reason: str, who: str) -> Hold:
        """Hold a name from now on. Where it is held already the first hold stands, and nothing is written."""
        with self._database.write() as transaction:
            if known := held(transaction, name):
                return known
            return _step(transaction, name, reason, who, held=1)

    def release(self, name: str, reason: str, who: str) -> Hold:
        """End a hold; returns it. Raises PulseError ``hold.none`` where there is none."""
        with self._database.write() as transaction:
            known = held(transaction, name)
            if known is None:
                raise PulseError(
                    "hold.none", f"There is no hold on {name}.", "pulse ledger holds shows them."
                )
            _step(transaction, name, reason, who, held=0)
            return known

    def holds(self) -> list[Hold]:
        """Those in force, by name."""
        return list(map(_hold, self._database.read(f"{_NEWEST} order by name")))


def held(transaction: Transaction, name: str) -> Hold | None:
    """The hold on a name, true until the transaction ends."""
    rows = transaction.execute(f"{_NEWEST} and name = ?", (name,))
    return _hold(rows[0]) if rows else None


def _step(transaction: Transaction, name: str, reason: str, who: str, held: int) -> Hold:
    at = now_us()
    transaction.execute(
        "insert into holds (name, held, reason, who, at) values (?,?,?,?,?)", (name, held, reason, who, at)
    )
    action = "ledger.hold" if held else "ledger.release"
    record(transaction, who=who, action=action, subject=name, details={"reason": reason})
    return Hold(name=name, reason=reason, who=who, at=at)


def _hold(row: Row) -> Hold:
    return Hold(**dict(zip(Hold.__struct_fields__, row, strict=True)))
