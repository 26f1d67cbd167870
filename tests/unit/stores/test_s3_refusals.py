"""What a server refuses is told, also where it does not say why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import open_store


class _Cutting(BaseHTTPRequestHandler):
    """Refuses HEAD, whose answer has no body, and cuts the connection on GET."""

    def do_HEAD(self) -> None:
        """403, no reason."""
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """No answer at all."""
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Cutting) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_the_question_why_is_cut(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is told without its reason."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with pytest.raises(PulseError, match="refuses") as caught:
        open_store(f"s3://bucket?endpoint={server}").size("models/a")
    assert caught.value.code == "store.denied"
