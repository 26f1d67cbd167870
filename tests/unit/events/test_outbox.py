"""From the outbox to Prefect: nothing lost, nothing twice, nothing raised."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.events import deliver
from pulse_blocks.ledger import Ledger, migrate, open_ledger


class Receiver(http.server.BaseHTTPRequestHandler):
    """A receiver of events that answers with the statuses it was given, then with 204."""

    statuses: list[int]
    seen: list[tuple[str, Any, str | None]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append((self.path, body, self.headers["authorization"]))
        self.send_response(self.statuses.pop(0) if self.statuses else 204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def receiver() -> Iterator[tuple[type[Receiver], str]]:
    """The handler's class, which keeps what it saw, and the API's address."""
    handler = type("Handler", (Receiver,), {"statuses": [], "seen": []})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with three events that wait."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    with open_ledger(url) as opened:
        for number in range(3):
            opened.emit("pulse.snapshot.created", "pulse.model.m", {"number": number})
        yield opened


def test_events_arrive_in_order_and_once(ledger: Ledger, receiver: tuple[type[Receiver], str]) -> None:
    """Each is sent with its outbox id and marked; a second delivery sends nothing."""
    handler, api = receiver
    waiting = ledger.unsent()
    assert deliver(ledger, api, "secret") == 3
    assert deliver(ledger, api) == 0
    assert [body[0]["id"] for _, body, _ in handler.seen] == [event.id for event in waiting]
    path, (first,), key = handler.seen[0]
    assert (path, key) == ("/api/events", "Bearer secret")
    assert first["resource"] == {"prefect.resource.id": "pulse.model.m"}
    assert (first["event"], first["payload"]) == ("pulse.snapshot.created", {"number": 0})
    assert first["occurred"].endswith("+00:00")


def test_nothing_is_lost_where_nobody_listens(ledger: Ledger) -> None:
    """An API that is out of reach, or no URL at all, raises nothing and keeps the events."""
    for api in ("http://127.0.0.1:9/api", "no url", "http://"):
        assert deliver(ledger, api) == 0
    assert len(ledger.unsent()) == 3


def test_an_unwell_server_gets_the_rest_later(ledger: Ledger, receiver: tuple[type[Receiver], str]) -> None:
    """After a 503 no more is tried; the next delivery goes on where this one stopped."""
    handler, api = receiver
    handler.statuses += [204, 503]
    assert deliver(ledger, api) == 1
    assert len(handler.seen) == 2
    assert deliver(ledger, api) == 2
    assert ledger.unsent() == []


def test_a_refused_event_holds_up_no_other(ledger: Ledger, receiver: tuple[type[Receiver], str]) -> None:
    """An event that Prefect will never take stays, and the others arrive."""
    handler, api = receiver
    handler.statuses += [422]
    assert deliver(ledger, api) == 2
    assert [event.payload["number"] for event in ledger.unsent()] == [0]
