"""Uvicorn's HTTP protocol with limits that it has not: how long, and how much, a client may send or not read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

    from pulse_blocks.serving.express import Express

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class ImpatientProtocol(HttpToolsProtocol):
    """Cuts off who sends a request byte by byte, or leaves a reply unread.

    A request that comes in one piece, and a reply that leaves in one, cost no timer.
    """

    # From the connection to its first byte, from the first byte of a request to its last, and how long nothing
    # of a reply may be taken.
    first_byte_seconds = 10.0
    request_seconds = 30.0
    unread_seconds = 30.0
    head_bytes = 65_536

    # The short way, where there is one; set before the first connection.
    express: Express | None = None

    _timer: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _unfinished = False
    _in_head = False
    _timed = False
    _head = 0
    _reading = False
    _held: tuple[RequestResponseCycle, ASGI3Application] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.first_byte_seconds, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_unread()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        whole = self._is_free()
        if whole and self.express is not None and self.express.take_again(self, data):
            self._stop_timer()
            self._unset_keepalive_if_required()
            return
        self._reading = True
        super().data_received(data)
        self._reading = False
        if self._held is not None:
            held, self._held = self._held, None
            self._begin(*held, data if whole else None)
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

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._reading and self.express is not None:
            # Most bodies come with their heads: once all of it was read it may go the short way.
            self._held = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _is_free(self) -> bool:
        """Whether what comes next begins a request, and none is under way."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return not self._unfinished and (cycle is None or cycle.response_complete)

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application, data: bytes | None) -> None:
        if cycle.more_body or self.express is None or not self.express.take(self, cycle, data):
            super()._start_asgi_task(cycle, app)

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

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        self._stop_unread()
        super().resume_writing()

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

    def _watch_unread(self) -> None:
        self._stop_unread()
        waiting = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.unread_seconds, self._look_unread, waiting)

    def _look_unread(self, before: int) -> None:
        """Nothing taken in all the time: gone. A large reply that is taken bit by bit may take longer."""
        if self.transport.get_write_buffer_size() < before:
            self._watch_unread()
        else:
            self.transport.abort()

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
