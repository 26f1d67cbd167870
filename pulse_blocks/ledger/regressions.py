"""Champions that did worse than their guard allows."""

from __future__ import annotations

from typing import Any

import msgspec
import uuid_utils

from pulse_blocks import ids
from pulse_blocks.ledger.base import Row
from pulse_blocks.ledger.catalogue import MODEL_REGRESSED
from pulse_blocks.ledger.outbox import put
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

_SELECT = "select id, name, model, previous, at, reason, details from regressions"


class Regression(Fact, frozen=True, kw_only=True):
    """A breach of a guard. ``previous`` is the champion before ``model``; ``details`` is JSON."""

    id: str
    name: str
    model: str
    previous: str | None
    at: int
    reason: str
    details: str


class Regressions(Table):
    """Facts that only whoever writes the ledger can add: an event about one is believed when it is here."""

    def add_regression(
        self, name: str, model: str, previous: str | None, reason: str, details: dict[str, Any], since: int
    ) -> Regression | None:
        """Record a breach by ``model`` and put its event into the outbox, in one transaction.

        None, and nothing is written, where the model's breach since ``since`` (its promotion, in microseconds)
        is known already: several runtimes may see the same one.
        """
        with self._database.write() as transaction:
            known = transaction.execute(
                "select id from regressions where name = ? and model = ? and at >= ? limit 1",
                (name, model, since),
            )
            if known:
                return None
            found = Regression(
                id=f"regression_{ids.base32(uuid_utils.uuid7().int)}",
                name=name,
                model=model,
                previous=previous,
                at=now_us(),
                reason=reason,
                details=msgspec.json.encode(details, order="sorted").decode(),
            )
            transaction.execute(
                "insert into regressions (id, name, model, previous, at, reason, details)"
                " values (?,?,?,?,?,?,?)",
                (found.id, name, model, previous, found.at, reason, found.details),
            )
            payload = {
                "regression": found.id,
                "name": name,
                "model": model,
                "previous": previous,
                "reason": reason,
            }
            put(transaction, MODEL_REGRESSED.name, f"pulse.model.{name}", payload)
            return found

    def regression(self, regression: str) -> Regression | None:
        """The regression with this id."""
        rows = self._database.read(f"{_SELECT} where id = ?", (regression,))
        return _regression(rows[0]) if rows else None

    def regressions(self, name: str) -> list[Regression]:
        """All regressions of a name, the oldest first."""
        return [
            _regression(row) for row in self._database.read(f"{_SELECT} where name = ? order by id", (name,))
        ]


def _regression(row: Row) -> Regression:
    return Regression(**dict(zip(Regression.__struct_fields__, row, strict=True)))
