"""Who is champion, and who was."""

from __future__ import annotations

from typing import Any

from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.outbox import put
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.ledger.table import Table, now_us

_SELECT = (
    "select seq, name, model, bundle, bundle_sha256, version, previous, run, attempt, reason, who, at"
    " from promotions"
)
_CHAMPION = f"{_SELECT} where name = ? order by seq desc limit 1"


class Promotions(Table):
    """The history of every name's champion pointer: a straight line, never rewritten."""

    def champion(self, name: str) -> Promotion | None:
        """The newest promotion of a name, None where there was none."""
        rows = self._database.read(_CHAMPION, (name,))
        return _promotion(rows[0]) if rows else None

    def promote(
        self,
        *,
        name: str,
        model: str,
        bundle: str,
        bundle_sha256: str,
        version: str,
        run: str,
        attempt: str | None,
        reason: str,
        who: str,
    ) -> Promotion:
        """Move a name's pointer, and put ``pulse.model.promoted`` into the outbox, in one transaction.

        An attempt promotes once: a repeated call gives the promotion that is there and emits nothing.
        """
        with self._database.write() as transaction:
            if attempt is not None and (rows := _by_attempt(transaction, attempt)):
                return _promotion(rows[0])
            before = transaction.execute(_CHAMPION, (name,))
            previous = _promotion(before[0]).model if before else None
            inserted = transaction.execute(
                "insert into promotions (name, model, bundle, bundle_sha256, version, previous, run, attempt,"
                " reason, who, at) values (?,?,?,?,?,?,?,?,?,?,?) returning seq",
                (name, model, bundle, bundle_sha256, version, previous, run, attempt, reason, who, now_us()),
            )
            promotion = _promotion(transaction.execute(f"{_SELECT} where seq = ?", inserted[0])[0])
            put(transaction, "pulse.model.promoted", f"pulse.model.{name}", _payload(promotion))
            return promotion

    def promotions(self, name: str) -> list[Promotion]:
        """All promotions of a name, the oldest first."""
        return [
            _promotion(row) for row in self._database.read(f"{_SELECT} where name = ? order by seq", (name,))
        ]

    def champion_at(self, name: str, at: int) -> Promotion | None:
        """Who was champion at ``at`` (microseconds since 1970), None where nobody was yet."""
        rows = self._database.read(
            f"{_SELECT} where name = ? and at <= ? order by seq desc limit 1", (name, at)
        )
        return _promotion(rows[0]) if rows else None

    def promoted_names(self) -> list[str]:
        """All names that have a champion, sorted."""
        return [row[0] for row in self._database.read("select distinct name from promotions order by name")]


def _by_attempt(transaction: Transaction, attempt: str) -> list[Row]:
    return transaction.execute(f"{_SELECT} where attempt = ?", (attempt,))


def _promotion(row: Row) -> Promotion:
    return Promotion(**dict(zip(Promotion.__struct_fields__, row, strict=True)))


def _payload(promotion: Promotion) -> dict[str, Any]:
    names = ("model", "previous", "version", "run", "reason", "who", "seq")
    return {name: getattr(promotion, name) for name in names}
