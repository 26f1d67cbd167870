"""Events that have happened and have still to reach Prefect."""

from __future__ import annotations

from typing import Any

import msgspec
import uuid_utils

from pulse_blocks.ledger.base import Transaction
from pulse_blocks.ledger.rows import OutboxEvent
from pulse_blocks.ledger.table import Table, now_us


class Outbox(Table):
    """A transactional outbox: an event is a fact here first, and is sent when Prefect can be reached."""

    def emit(self, event: str, resource: str, payload: dict[str, Any]) -> str:
        """Keep an event to be sent; returns its id, a UUID."""
        with self._database.write() as transaction:
            return put(transaction, event, resource, payload)

    def unsent(self) -> list[OutboxEvent]:
        """Events that were not sent yet, the oldest first."""
        rows = self._database.read(
            "select id, event, resource, payload, at from outbox where sent is null order by at, id"
        )
        return [
            OutboxEvent(id=i, event=e, resource=r, payload=msgspec.json.decode(p), at=at)
            for i, e, r, p, at in rows
        ]

    def mark_sent(self, event_id: str) -> None:
        """Note that an event has arrived."""
        with self._database.write() as transaction:
            transaction.execute(
                "update outbox set sent = ? where id = ? and sent is null", (now_us(), event_id)
            )


def put(transaction: Transaction, event: str, resource: str, payload: dict[str, Any]) -> str:
    """Add an event within a transaction, so that it is there exactly where its cause is."""
    event_id = str(uuid_utils.uuid7())
    transaction.execute(
        "insert into outbox (id, event, resource, payload, at) values (?,?,?,?,?)",
        (event_id, event, resource, msgspec.json.encode(payload, order="sorted").decode(), now_us()),
    )
    return event_id
