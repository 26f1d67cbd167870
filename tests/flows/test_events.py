"""Events on a real Prefect server."""

from __future__ import annotations

import time
import uuid
from typing import Any

from pulse_blocks.events import deliver
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server


def test_an_event_that_is_delivered_twice_is_one_event(server: Server, workspace: Workspace) -> None:
    """The server takes the outbox's events, and keeps one that was sent again once."""
    resource = f"pulse.model.{uuid.uuid4().hex}"
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        again = ledger.emit("pulse.snapshot.created", resource, {"number": 0})
        ledger.emit("pulse.snapshot.created", resource, {"number": 1})
        assert deliver(ledger, server.api) == 2
        with ledger._database.write() as transaction:
            transaction.execute("update outbox set sent = null where id = ?", (again,))
        assert deliver(ledger, server.api) == 1
        # Sent last: once it is there, what was sent before it is there too.
        ledger.emit("pulse.snapshot.created", resource, {"number": 2})
        deliver(ledger, server.api)
    found = events_about(server, resource, 2)
    assert sorted(event["payload"]["number"] for event in found) == [0, 1, 2]
    assert [event["id"] for event in found].count(again) == 1


def events_about(server: Server, resource: str, last: int) -> list[dict[str, Any]]:
    """What the server knows about a resource, once the event with the number ``last`` is there."""
    wanted = {"filter": {"resource": {"id": [resource]}}, "limit": 50}
    found: list[dict[str, Any]] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = list(server.post("/events/filter", wanted)["events"])
        if any(event["payload"]["number"] == last for event in found):
            break
        time.sleep(0.3)
    return found
