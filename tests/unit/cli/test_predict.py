"""Replies and refusals of the runtime, as ``pulse predict`` shows them."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pulse_blocks.cli.predict import DEFAULT_URL, RefusedError, post, render
from pulse_blocks.errors import PulseError, UnavailableError

REPLY = {
    "inference_id": "inference_01",
    "model": "m@1.0.0-0000000",
    "probability": 0.07312,
    "decision": False,
}


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with what the body of the request says."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = asked["body"].encode()
        self.send_response(asked["status"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    """A real HTTP server that answers as it is told."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(status: int, body: Any) -> bytes:
    """A request that is answered so."""
    return json.dumps(
        {"status": status, "body": body if isinstance(body, str) else json.dumps(body)}
    ).encode()


def test_the_reply_comes_back_as_it_was(url: str) -> None:
    """What ``--json`` prints is the reply, unchanged."""
    assert post(url, "/predict/m", asked(200, REPLY), "pulse serve m") == REPLY


def test_a_refusal_names_every_bad_field(url: str) -> None:
    """The runtime's own code, message, hint and fields must reach the person and the program."""
    fields = [
        {"path": "carrier", "message": "Not one of the values."},
        {"path": "temp", "message": "Too hot."},
    ]
    error = {
        "code": "request.invalid",
        "message": "2 fields are wrong.",
        "hint": "See /docs.",
        "fields": fields,
    }
    with pytest.raises(RefusedError) as caught:
        post(url, "/predict/m", asked(422, {"error": error}), "pulse serve m")
    assert caught.value.code == "request.invalid"
    assert caught.value.fields == fields
    assert "carrier: Not one of the values." in caught.value.message
    assert "temp: Too hot." in caught.value.message


@pytest.mark.parametrize("body", ["<html>", "[1]", "", '{"error": {"fields": [1]}}', '{"error": "no"}', "{}"])
def test_an_answer_that_is_not_the_runtimes_is_refused(url: str, body: str) -> None:
    """Another server at that port, or a proxy: an error, never a traceback."""
    with pytest.raises(PulseError):
        post(url, "/predict/m", asked(502, body), "pulse serve m")


def test_out_of_reach_says_how_to_start_it() -> None:
    """A port where nobody listens."""
    with pytest.raises(UnavailableError) as caught:
        post("http://127.0.0.1:9", "/predict/m", b"{}", "pulse serve m")
    assert "pulse serve m" in str(caught.value)


@pytest.mark.parametrize(
    "wrong", ["", "localhost:8080", "file:///etc/passwd", "http://", "http://h:port", "http://[::1"]
)
def test_what_is_no_address_is_refused(wrong: str) -> None:
    """Only http and https are asked."""
    with pytest.raises(PulseError):
        post(wrong, "/predict/m", b"{}", "pulse serve m")


def test_one_prediction_is_shown_as_facts_and_several_as_a_table() -> None:
    """Names are aligned, numbers have four decimals, decisions are words."""
    assert render(REPLY) == (
        "inference_id  inference_01\nmodel         m@1.0.0-0000000\nprobability   0.0731\ndecision      no"
    )
    lines = render({"predictions": [REPLY, REPLY]}).splitlines()
    assert lines[0].split() == ["INFERENCE_ID", "MODEL", "PROBABILITY", "DECISION"]
    assert len(lines) == 3


def test_the_default_address_is_where_the_runtime_listens_by_default() -> None:
    """``pulse serve`` and ``pulse predict`` must meet without options."""
    from pulse_blocks.serving.server import DEFAULT_PORT

    assert f"http://127.0.0.1:{DEFAULT_PORT}" == DEFAULT_URL
