"""Uvicorn's HTTP protocol with limits that it has not: for how long, and how much, a client may send."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ImpatientProtocol(HttpToolsProtocol):
    """Cuts off who sends a request byte by byte. A request that comes in one piece costs no timer."""

    # From the connection to its first byte, and from the first byte of a request to its last.
    first_byte_seconds = 10.0
    request_seconds = 30.0
    head_bytes = 65_536

    _timer: asyncio.TimerHandle | None = None
    _unfinished = False
    _in_head = False
    _timed = False
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.first_byte_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._unfinished:
            self._stop_timer()
            return
        if not self._timed:
            self._stop_timer()
            self._timed = True
            self._timer = self.loop.call_later(self.request_seconds, self._give_up)
        if self._in_head:
            self._head += len(data)
            if self._head > self.head_bytes:
                self._end(_TOO_LARGE)

    def on_message_begin(self) -> None:
        self._unfinished = self._in_head = True
        self._timed, self._head = False, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._unfinished = False
        super().on_message_complete()

    def _give_up(self) -> None:
        self._timer = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            # The client is not slow: this side has stopped reading.
            self._timer = self.loop.call_later(self.request_seconds, self._give_up)
            return
        self._end(_TOO_SLOW if self._unfinished else b"")

    def _end(self, answer: bytes) -> None:
        """Close; with an answer only where no other one is on its way."""
        self._stop_timer()
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        if answer and (cycle is None or cycle.response_complete or not cycle.response_started):
            self.transport.write(answer)
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
