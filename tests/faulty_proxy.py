"""A proxy between a client and a server that fails on purpose: cuts, stalls, loses answers, refuses with 500 or 503."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Literal

Fault = Literal["pass", "500", "503", "expired", "stall", "cut", "lose-answer"]
Chooser = Callable[[bytes], Fault]

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>later</Message></Error>"
_BUSY = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_SLOW_DOWN), _SLOW_DOWN)
)
_BROKEN = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: 6\r\n\r\nbroken"
)
_TOO_OLD = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
_EXPIRED = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_TOO_OLD), _TOO_OLD)
)


_REFUSALS: dict[Fault, bytes] = {"500": _BROKEN, "503": _BUSY, "expired": _EXPIRED}


class HttpProxy:
    """Passes HTTP on, a request at a time. ``choose`` is asked by the request's first line what goes wrong.

    ``lose-answer`` lets the server do its work and cuts the connection before the answer arrives.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self.choose: Chooser = lambda _: "pass"
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head, body = _message(client)
            if not head:
                return
            line = head.split(b"\r\n", 1)[0]
            fault = self.choose(line)
            self.requests.append(f"{fault} {line.decode('latin-1')}")
            if fault in _REFUSALS:
                refusal, empty, reason = _REFUSALS[fault].partition(b"\r\n\r\n")
                # As servers do: there is no body after HEAD, and so no reason.
                client.sendall(refusal + empty + (b"" if line.startswith(b"HEAD") else reason))
            elif fault == "stall":
                self._closed.wait(60)
            elif fault != "cut":
                self._pass_on(client, head, body, lose=fault == "lose-answer")

    def _pass_on(self, client: socket.socket, head: bytes, body: bytes, *, lose: bool) -> None:
        lines = [
            part for part in head.split(b"\r\n") if not part.lower().startswith((b"connection:", b"expect:"))
        ]
        with socket.create_connection(self._upstream, timeout=30) as server:
            server.sendall(b"\r\n".join([*lines[:-2], b"Connection: close", b"", b""]) + body)
            while data := server.recv(65_536):
                if not lose:
                    client.sendall(data)


def _message(client: socket.socket) -> tuple[bytes, bytes]:
    """The head and the body of one request, by its Content-Length."""
    client.settimeout(60)
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65_536)
        if not more:
            return b"", b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line for line in head.lower().split(b"\r\n") if line.startswith((b"content-length:", b"expect:"))
    ]
    length = next((int(line.split(b":")[1]) for line in lengths if line.startswith(b"content-length")), 0)
    if any(line.startswith(b"expect") for line in lengths) and len(body) < length:
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    while len(body) < length:
        more = client.recv(65_536)
        if not more:
            return b"", b""
        body += more
    return head + b"\r\n\r\n", body


class TcpProxy:
    """Passes bytes on until it has passed ``limit`` of the server's; then every connection is cut."""

    def __init__(self, host: str, port: int, limit: int | None = None) -> None:
        self._upstream = (host, port)
        self.limit = limit
        self._passed = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._upstream)
            for source, target, counted in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._copy, args=(source, target, counted), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if counted:
                    self._passed += len(data)
                    if self.limit is not None and self._passed > self.limit:
                        break
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def http_proxy(url: str) -> Iterator[HttpProxy]:
    """A proxy in front of a server until the block ends."""
    host, port = url.removeprefix("http://").split(":")
    proxy = HttpProxy(host, int(port))
    try:
        yield proxy
    finally:
        proxy.close()
