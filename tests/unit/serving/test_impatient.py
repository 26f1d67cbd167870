"""Slow and endless senders are cut off; who sends a request in one piece notices nothing."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from pulse_blocks.serving.impatient import ImpatientProtocol
from pulse_blocks.settings import Workspace
from tests.served_models import runtime, train_and_promote

REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd"


class Quick(ImpatientProtocol):
    """The same limits in less time."""

    first_byte_seconds = 0.3
    request_seconds = 0.5
    unread_seconds = 0.5
    head_bytes = 2_000


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers with the body. On /slow it reads on after a while only, on /late it answers after one.

    On /big it answers with 32 MB.
    """
    body, more, pause = b"", True, 0.8 if scope["path"] == "/slow" else 0.0
    while more:
        if body:
            await asyncio.sleep(pause)
            pause = 0.0
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message.get("more_body", False)
    if scope["path"] == "/late":
        await asyncio.sleep(0.8)
    if scope["path"] == "/big":
        body = b"a" * 32_000_000
    head = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server with these limits listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(echo, http=Quick, lifespan="off", log_config=None, timeout_keep_alive=5)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=5) as connection:
        yield connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def drip(connection: socket.socket, data: bytes, pause: float = 0.05) -> float:
    """Send byte by byte until the other side has had enough; the seconds that it took."""
    started = time.monotonic()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)
    return time.monotonic() - started


def test_a_silent_connection_is_closed(address: tuple[str, int]) -> None:
    """Whoever connects and says nothing holds no descriptor for long."""
    with connected(address) as connection:
        started = time.monotonic()
        assert answer(connection) == b""
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("start", [b"", b"POST / HTTP/1.1\r\n", REQUEST[:-4]], ids=["line", "head", "body"])
def test_a_request_that_drips_in_is_cut_off(address: tuple[str, int], start: bytes) -> None:
    """Wherever it slows down: however often a byte comes, the whole has its time. 408, then closed."""
    rest = (
        b"GET / HTTP/1.1\r\nX: " if not start else b"X-Long: " if not start.endswith(b"\r\n\r\n") else b"abc"
    )
    with connected(address) as connection:
        connection.sendall(start)
        drip(connection, rest + b"a" * (0 if start.endswith(b"\r\n\r\n") else 30))
        assert answer(connection).startswith(b"HTTP/1.1 408")


def test_the_second_request_of_a_connection_is_watched_too(address: tuple[str, int]) -> None:
    """Also where its beginning came together with the end of the first."""
    with connected(address) as connection:
        connection.sendall(REQUEST + b"POST /again HTTP/1.1\r\n")
        got = answer(connection)
    assert got.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in got


@pytest.mark.parametrize("in_pieces", [True, False])
def test_an_endless_head_is_refused(address: tuple[str, int], in_pieces: bool) -> None:
    """Many headers, or one long one: 431, as soon as the limit is passed."""
    head = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 40) for number in range(200 if in_pieces else 60))
    with connected(address) as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for at in range(0, len(head), 500 if in_pieces else len(head)):
            connection.sendall(head[at : at + (500 if in_pieces else len(head))])
        assert answer(connection).startswith(b"HTTP/1.1 431")


def test_who_is_not_slow_notices_nothing(address: tuple[str, int]) -> None:
    """Requests in one piece, one after the other, with pauses between them longer than a request may take."""
    with connected(address) as connection:
        for _ in range(2):
            connection.sendall(REQUEST)
            assert connection.recv(65536).endswith(b"abcd")
            time.sleep(0.7)
        connection.sendall(REQUEST[:30])
        time.sleep(0.1)
        connection.sendall(REQUEST[30:])
        assert connection.recv(65536).endswith(b"abcd")


def test_a_slow_answer_is_no_slow_request(address: tuple[str, int]) -> None:
    """The limits are for what the client sends, not for how long the server computes."""
    with connected(address) as connection:
        connection.sendall(REQUEST.replace(b"POST /", b"POST /late"))
        assert connection.recv(65536).endswith(b"abcd")


def test_a_client_that_is_made_to_wait_is_not_slow(address: tuple[str, int]) -> None:
    """Where the server itself has stopped reading, the client is not to blame."""
    body = b"a" * 2_000_000
    with connected(address) as connection:
        head = b"POST /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        threading.Thread(target=connection.sendall, args=(head + body,)).start()
        assert len(answer(connection)) > len(body)


def test_a_reply_that_is_not_read_is_given_up(address: tuple[str, int]) -> None:
    """Whoever asks and does not read holds neither the connection nor the reply's memory for long."""
    with connected(address) as connection:
        connection.sendall(REQUEST.replace(b"POST /", b"POST /big"))
        time.sleep(1.2)
        assert len(answer(connection)) < 32_000_000


def test_a_reply_that_is_read_slowly_arrives(address: tuple[str, int]) -> None:
    """However long the whole takes, as long as something is taken."""
    got = 0
    with connected(address) as connection:
        connection.sendall(REQUEST.replace(b"POST /", b"POST /big"))
        while got < 32_000_000:
            time.sleep(0.03)
            part = connection.recv(1_000_000)
            assert part
            got += len(part)


def test_the_runtime_has_these_limits(workspace: Workspace) -> None:
    """An endless head is refused by the real one."""
    train_and_promote(workspace)
    with runtime(workspace, "parcels") as (url, _):
        port = int(url.rpartition(":")[2])
        with connected(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(20):
                    connection.sendall(b"a" * 10_000)
                    time.sleep(0.01)
            assert b"431" in answer(connection)[:20]
