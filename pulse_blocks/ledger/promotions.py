"""Who is champion, and who was."""

from __future__ import annotations

from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.audit import record
from pulse_blocks.ledger.base import Row, Transaction
from pulse_blocks.ledger.catalogue import MODEL_PROMOTED, MODEL_ROLLED_BACK
from pulse_blocks.ledger.outbox import put
from pulse_blocks.ledger.rows import Action, Promotion
from pulse_blocks.ledger.table import Table, now_us

_SELECT = (
    "select seq, name, model, bundle, bundle_sha256, version, previous, run, attempt, reason, who, at, action,"
    " signature from promotions"
)
_CHAMPION = f"{_SELECT} where name = ? order by seq desc limit 1"
_EVENTS: dict[Action, str] = {"promote": MODEL_PROMOTED.name, "rollback": MODEL_ROLLED_BACK.name}


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
        action: Action = "promote",
        signature: str = "",
        instead_of: int | None = None,
    ) -> Promotion:
        """Move a name's pointer; its event and its row of the audit log are in the same transaction.

        An attempt promotes once: a repeated call gives the promotion that is there and emits nothing. With
        ``instead_of`` (a promotion's ``seq``, 0 for none) the pointer moves only if that one is still the newest:
        else PulseError ``promotion.moved``.
        """
        with self._database.write() as transaction:
            if attempt is not None and (rows := _by_attempt(transaction, attempt)):
                return _promotion(rows[0])
            before = transaction.execute(_CHAMPION, (name,))
            champion = _promotion(before[0]) if before else None
            if instead_of is not None and instead_of != (champion.seq if champion else 0):
                raise _moved(name, champion)
            previous = champion.model if champion else None
            inserted = transaction.execute(
                "insert into promotions (name, model, bundle, bundle_sha256, version, previous, run, attempt,"
                " reason, who, at, action, signature) values (?,?,?,?,?,?,?,?,?,?,?,?,?) returning seq",
                (
                    name, model, bundle, bundle_sha256, version, previous, run, attempt, reason, who, now_us(),
                    action, signature,
                ),
            )  # fmt: skip
            promotion = _promotion(transaction.execute(f"{_SELECT} where seq = ?", inserted[0])[0])
            put(transaction, _EVENTS[action], f"pulse.model.{name}", _payload(promotion))
            record(
                transaction, who=who, action=f"model.{action}", subject=f"{name} {model}",
                details=_payload(promotion) | {"bundle_sha256": bundle_sha256},
            )  # fmt: skip
            return promotion

    def promotions(self, name: str) -> list[Promotion]:
        """All promotions of a name, the oldest first."""
        return [
            _promotion(row) for row in self._database.read(f"{_SELECT} where name = ? order by seq", (name,))
        ]

    def promotion_numbered(self, seq: int) -> Promotion | None:
        """The promotion with this number, of whatever name."""
        rows = self._database.read(f"{_SELECT} where seq = ?", (seq,))
        return _promotion(rows[0]) if rows else None

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


def _moved(name: str, champion: Promotion | None) -> PulseError:
    now = f"{champion.model}, promoted by {champion.who}" if champion else "nobody"
    return PulseError(
        "promotion.moved",
        f"The champion of {name} has changed in the meantime: it is {now}.",
        "Look at it, and decide again.",
    )
