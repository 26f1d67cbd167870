"""What a runtime looks at, and what it then suspects: hints that have no row of their own, only an event."""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from pulse_blocks.ledger.catalogue import DRIFT_SUSPECTED
from pulse_blocks.ledger.table import Table, now_us
from pulse_blocks.ledger.windows import Observed

_NAMESPACE = uuid.UUID("9a0d9ae1-6a5d-5c5b-8d0a-5f6a5a4f2b1e")


class Suspicions(Table):
    """An event's id is made of what is suspected, so that several processes that see the same tell it once."""

    def latest_observed(self, model: str, most: int) -> list[Observed]:
        """The newest ``most`` inferences of a model by arrival, the oldest first: an index, whatever there is."""
        rows = self._database.read(
            "select id, coalesce(event_time, at), input, output from inferences where model = ?"
            " order by at desc limit ?",
            (model, most),
        )
        return [Observed(id=i, time=int(t), input=text, output=out) for i, t, text, out in reversed(rows)]

    def suspect_drift(self, name: str, model: str, period: int, payload: dict[str, Any]) -> bool:
        """Put the event into the outbox; False where it was there already. ``period`` is the number of the window."""
        event = str(uuid.uuid5(_NAMESPACE, f"{model}/{period}"))
        with self._database.write() as transaction:
            kept = transaction.execute(
                "insert into outbox (id, event, resource, payload, at) values (?,?,?,?,?)"
                " on conflict (id) do nothing returning id",
                (
                    event, DRIFT_SUSPECTED.name, f"pulse.model.{name}",
                    msgspec.json.encode(payload, order="sorted").decode(), now_us(),
                ),
            )  # fmt: skip
        return bool(kept)
