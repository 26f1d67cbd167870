"""The Python client: what it gives, what it refuses, and when it tries again."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import pulse_blocks
from pulse_blocks import settings
from pulse_blocks.client import AsyncPulseClient, PulseClient, RefusedError
from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol, records, runtime, train_and_promote

OVERLOADED = b'{"error": {"code": "serving.overloaded", "message": "Full.", "hint": null, "fields": []}}'


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    """A runtime with one model."""
    workspace = settings.load(tmp_path_factory.mktemp("client"), environ={})
    train_and_promote(workspace, protocol())
    with runtime(workspace, "parcels") as (url, _):
        yield url, workspace


class Scripted:
    """A server that gives prepared answers, one a connection; None hangs up once it has read the request."""

    def __init__(self, *answers: bytes | None) -> None:
        self.asked = 0
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for answer in self._answers:
            connection, _ = self._socket.accept()
            with connection:
                connection.recv(65536)
                self.asked += 1
                if answer is not None:
                    connection.sendall(answer)
        self._socket.close()


def answer(status: str, body: bytes, *headers: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"connection: close", b"content-length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_predictions_labels_and_lineage(served: tuple[str, Workspace]) -> None:
    """What a user does with the client, and what the ledger holds then."""
    url, workspace = served
    with PulseClient(url) as client:
        one = client.predict("parcels", RECORD)
        many = client.predict_many("parcels", records(3))
        assert len({one["inference_id"], *(each["inference_id"] for each in many)}) == 4
        assert client.ready() == {"parcels": one["model"]}
        assert client.feedback(one["inference_id"], value=True, time=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        assert not client.feedback(one["inference_id"], value=True)
        assert client.lineage(one["inference_id"])["children"][0]["id"] == one["model"]
    with open_ledger(workspace.ledger) as ledger:
        assert [label.value for label in ledger.labels(one["inference_id"])] == ["true"]


def test_the_async_client_does_the_same(served: tuple[str, Workspace]) -> None:
    """Many at once, each with its own answer."""

    async def run() -> None:
        async with AsyncPulseClient(served[0]) as client:
            rows = records(20, seed=3)
            found = await asyncio.gather(*[client.predict("parcels", row) for row in rows])
            together = await client.predict_many("parcels", rows)
            assert [each["probability"] for each in found] == [each["probability"] for each in together]
            assert await client.feedback(found[0]["inference_id"], value=False)
            assert (await client.lineage(found[0]["inference_id"]))["kind"] == "inference"
            assert list(await client.ready()) == ["parcels"]

    asyncio.run(run())


def test_a_refusal_names_every_bad_field(served: tuple[str, Workspace]) -> None:
    """It is not tried again, and carries status, code and fields."""
    with PulseClient(served[0]) as client, pytest.raises(RefusedError) as refused:
        client.predict("parcels", {**RECORD, "weight": -1, "stops": 99})
    assert (refused.value.status, refused.value.code) == (422, "request.invalid")
    assert [field["path"] for field in refused.value.fields] == ["weight", "stops"]


def test_what_was_not_answered_is_tried_again(served: tuple[str, Workspace]) -> None:
    """503 is tried again, not before Retry-After; more than the tries or the time allow is an error."""
    busy = answer("503 Service Unavailable", OVERLOADED, b"retry-after: 1")
    good = answer("200 OK", b'{"probability": 0.5}')
    server = Scripted(busy, good)
    started = time.monotonic()
    with PulseClient(server.url) as client:
        assert client.predict("parcels", RECORD) == {"probability": 0.5}
    assert time.monotonic() - started >= 1
    assert server.asked == 2
    server = Scripted(busy, good)
    with PulseClient(server.url, timeout=0.5) as client, pytest.raises(RefusedError, match="Full"):
        client.predict("parcels", RECORD)
    assert server.asked == 1


def test_a_prediction_that_may_have_been_made_is_not_asked_for_again() -> None:
    """A connection that breaks behind the request: no second prediction, but labels are sent again."""
    good = answer("200 OK", b'{"recorded": 1, "unchanged": 0}')
    server = Scripted(None, good)
    with PulseClient(server.url) as client, pytest.raises(UnavailableError, match="did not answer"):
        client.predict("parcels", RECORD)
    assert server.asked == 1
    server = Scripted(None, good)
    with PulseClient(server.url) as client:
        assert client.feedback("inference_1", value=True)
    assert server.asked == 2


def test_nobody_there(tmp_path: Path) -> None:
    """A port where nothing listens is tried some times, then told with the way out; no JSON is told as well."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        PulseClient(f"http://127.0.0.1:{port}") as client,
        pytest.raises(UnavailableError, match="pulse serve"),
    ):
        client.predict("parcels", RECORD)
    server = Scripted(answer("200 OK", b"<html>"))
    with PulseClient(server.url) as client, pytest.raises(pulse_blocks.PulseError, match="no JSON"):
        client.predict("parcels", RECORD)


@pytest.mark.parametrize("kind", [PulseClient, AsyncPulseClient])
def test_what_can_never_be_asked(kind: type[PulseClient | AsyncPulseClient]) -> None:
    """An address that is none and a key that no header holds are told as what the client promises to raise."""
    with pytest.raises(UnavailableError, match="did not answer"):
        kind("http://[::1")
    with pytest.raises(RefusedError) as refused:
        kind(key="k\u00fc")
    assert (refused.value.status, refused.value.code) == (401, "serving.no_key")


def test_both_are_public_names() -> None:
    """They come from the package itself, on first use."""
    assert pulse_blocks.PulseClient is PulseClient
    assert pulse_blocks.AsyncPulseClient is AsyncPulseClient
