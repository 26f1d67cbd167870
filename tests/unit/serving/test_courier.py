"""Events of a runtime reach Prefect by themselves: at once where it can be reached, once, and later where it cannot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pulse_blocks.cli.ports import free_port
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.serving.courier import Courier
from pulse_blocks.settings import Workspace
from tests.waiting import until


class Api:
    """Takes events as Prefect's API does, on an address that is known before it listens."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.events: list[dict[str, Any]] = []
        self._server: HTTPServer | None = None

    def start(self) -> None:
        """Listen."""
        events = self.events

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                events.extend(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that does not listen yet."""
    api = Api()
    yield api
    api.stop()


def test_what_happens_while_prefect_is_down_goes_out_later_once(workspace: Workspace, api: Api) -> None:
    """Nothing is lost; whoever emitted waited for nothing."""
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        courier = Courier(ledger, api.url, None)
        ledger.emit("pulse.model.regressed", "pulse.model.tiny", {"regression": "regression_1"})
        courier.call()
        assert not until(lambda: bool(api.events), 1.0)
        api.start()
        assert until(lambda: not ledger.unsent(), 10)
        ledger.emit("pulse.drift.suspected", "pulse.model.tiny", {})
        assert until(lambda: not ledger.unsent(), 10)
        courier.close()
    assert [event["event"] for event in api.events] == ["pulse.model.regressed", "pulse.drift.suspected"]
