"""What has started a run once and starts none again: drift checks and regressions, by their ids."""

from __future__ import annotations

from typing import Literal

from pulse_blocks.ledger.base import Row
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

Kind = Literal["retrain", "rollback"]
_SELECT = "select id, kind, name, used_by, at from causes"


class Cause(Fact, frozen=True, kw_only=True):
    """A used cause. ``used_by`` is the attempt that it started, or who went back because of it."""

    id: str
    kind: Kind
    name: str
    used_by: str
    at: int


class Causes(Table):
    """Whoever writes a cause's row first has it; nobody has it again."""

    def use_cause(
        self, cause: str, kind: Kind, name: str, used_by: str, cooldown_seconds: float = 0.0
    ) -> Cause | None:
        """Use a cause; returns None where that is done, else the use that stands in the way.

        That is another one's use of the same cause, or of any cause of this kind and name within the cooldown.
        Whoever uses a cause again with the same ``used_by`` goes on.
        """
        now = now_us()
        with self._database.write() as transaction:
            known = transaction.execute(f"{_SELECT} where id = ?", (cause,))
            if known:
                return None if known[0][3] == used_by else _cause(known[0])
            recent = transaction.execute(
                f"{_SELECT} where name = ? and kind = ? and at > ? order by at desc limit 1",
                (name, kind, now - int(cooldown_seconds * 1e6)),
            )
            if cooldown_seconds and recent:
                return _cause(recent[0])
            transaction.execute(
                "insert into causes (id, kind, name, used_by, at) values (?,?,?,?,?)",
                (cause, kind, name, used_by, now),
            )
            return None

    def cause(self, cause: str) -> Cause | None:
        """The use of a cause, None where it was not used yet."""
        rows = self._database.read(f"{_SELECT} where id = ?", (cause,))
        return _cause(rows[0]) if rows else None

    def last_cause(self, name: str, kind: Kind) -> Cause | None:
        """The newest use of a cause of one kind for one name."""
        rows = self._database.read(
            f"{_SELECT} where name = ? and kind = ? order by at desc limit 1", (name, kind)
        )
        return _cause(rows[0]) if rows else None

    def cause_of(self, used_by: str) -> Cause | None:
        """What an attempt was started by, None where a person or the schedule did."""
        rows = self._database.read(f"{_SELECT} where used_by = ? order by at limit 1", (used_by,))
        return _cause(rows[0]) if rows else None


def _cause(row: Row) -> Cause:
    return Cause(**dict(zip(Cause.__struct_fields__, row, strict=True)))
