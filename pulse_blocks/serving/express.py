"""The short way of a request that is one sound record: no task, no ASGI messages, one write.

Uvicorn's own way costs such a request a third of its time. Whatever is not plainly sound (a refusal, a key that is
not good, a large body, another dialect) goes that way instead, which answers everything: here nothing is decided
but "yes, and this is the answer".

Clients that stay connected send the same head again and again. One that was read and found plain is not read anew
where it comes again byte for byte: what the parser said of it holds for the same bytes. Only what may change
meanwhile is asked each time: the key, the queue, the time left, the body.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pulse_blocks.errors import PulseError
from pulse_blocks.serving import reading
from pulse_blocks.serving.app import App
from pulse_blocks.serving.bodies import one_record
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.dialects.base import JSON, Headers
from pulse_blocks.serving.exchange import Exchange
from pulse_blocks.serving.failures import ClientGoneError
from pulse_blocks.serving.guard import AUTHORIZATION, token_of
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.keyring import Keyring
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

_LARGEST = 65_536
_TYPE = b"content-type"
_END = b"\r\n\r\n"
# Heads that are kept, and how long they may be: memory stays bounded whatever clients send.
_HEADS, _LONGEST_HEAD = 512, 2048


class Head(NamedTuple):
    """What a head that was found plain asks for. ``size`` is the length of its body in bytes."""

    slot: Slot
    headers: Headers
    token: bytes
    size: int


class Express:
    """Takes requests from the protocol, on the event loop."""

    def __init__(
        self,
        app: App,
        slots: dict[str, Slot],
        metrics: Metrics,
        keyring: Keyring | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._app = app
        self._slots = {f"/predict/{name}": slot for name, slot in slots.items()}
        self._keyring = keyring
        self._metrics = metrics
        self._loop = loop
        self._tasks: set[asyncio.Task[None]] = set()
        self._heads: dict[bytes, Head] = {}

    def take(self, protocol: HttpToolsProtocol, cycle: RequestResponseCycle, data: bytes | None) -> bool:
        """Have a POST answered whose body is there; False where it must go the long way, and nothing was done.

        ``data`` begins with the request's first byte and may go on after its last; None where it came in pieces.
        """
        head = self._plain(cycle)
        if head is None or not self._queue(protocol, head, bytes(cycle.body), cycle):
            return False
        if data is not None and cycle.keep_alive:
            self._remember(head, data)
        return True

    def take_again(self, protocol: HttpToolsProtocol, data: bytes) -> bool:
        """The same without reading the head, where ``data`` is a known one with its body and nothing else.

        The parser must stand between two requests, and none may be under way.
        """
        start = data.find(_END) + len(_END)
        head = self._heads.get(data[:start])
        if head is None or len(data) - start != head.size or not self._may(head.token):
            return False
        return self._queue(protocol, head, data[start:], None)

    def _plain(self, cycle: RequestResponseCycle) -> Head | None:
        """What a request asks for that nothing is special about."""
        scope = cycle.scope
        slot = self._slots.get(scope["path"])
        if slot is None or scope["method"] != "POST":
            return None
        if len(cycle.body) > _LARGEST or cycle.waiting_for_100_continue:
            return None
        pairs = list(scope["headers"])
        headers = dict(pairs)
        if headers.get(_TYPE, JSON) != JSON:
            return None
        token = token_of(headers.get(AUTHORIZATION, b""))
        # A header that is there twice may be the key.
        if self._keyring and (len(headers) < len(pairs) or not self._may(token)):
            return None
        return Head(slot, headers, token, len(cycle.body))

    def _may(self, token: bytes) -> bool:
        return self._keyring is None or self._keyring.check(token, "predict") == "allowed"

    def _queue(
        self, protocol: HttpToolsProtocol, head: Head, body: bytes, cycle: RequestResponseCycle | None
    ) -> bool:
        started, slot = time.perf_counter_ns(), head.slot
        model = slot.model
        if protocol.flow.write_paused:
            return False
        try:
            until = reading.deadline(head.headers, started, model.deadline_ns)
        except PulseError:
            return False
        if not slot.batcher.has_room(model, until):
            return False
        record = one_record(model, body)
        if record is None:
            return False
        exchange = Exchange(self, protocol, slot, keep_alive=cycle is None or cycle.keep_alive)
        if protocol.cycle is cycle or cycle is None:
            # Otherwise the next request has come already, and waits for this one.
            protocol.cycle = cast("RequestResponseCycle", exchange)
        exchange.job = Job(model, (record,), started, until, exchange)
        slot.batcher.queue(exchange.job, exchange)
        return True

    def _remember(self, head: Head, data: bytes) -> None:
        start = data.find(_END) + len(_END)
        # Only a plain body is all that follows its head: a chunked one is longer, and so are two requests in one piece.
        if start > _LONGEST_HEAD or len(data) - start != head.size:
            return
        if len(self._heads) >= _HEADS:
            self._heads.clear()
        self._heads[data[:start]] = head

    def answer(self, exchange: Exchange) -> None:
        """Count and send a reply."""
        job, protocol = exchange.job, exchange.protocol
        model = job.model
        self._metrics.predictions[model.id] += 1
        self._metrics.observe(exchange.slot.name, 200, (time.perf_counter_ns() - job.started) / 1e9)
        if exchange.disconnected or protocol.transport.is_closing():
            return
        body = job.replies[0]
        head = b"%bcontent-length: %d\r\npulse-inference-id: %b\r\n%b\r\n" % (
            self._beginning(protocol.server_state.default_headers, model), len(body), job.ids[0].encode(),
            b"" if exchange.keep_alive else b"connection: close\r\n",
        )  # fmt: skip
        protocol.transport.write(head + body)
        exchange.response_started = exchange.response_complete = True
        if not exchange.keep_alive:
            protocol.transport.close()
        protocol.on_response_complete()

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """Answer with an error, by the long way; nobody hears of a client that has gone."""
        if isinstance(error, ClientGoneError):
            self._metrics.gone += 1
            return
        told = cast("ASGI3Application", self._app.refusing(exchange.slot, error, exchange.job.started))
        task = self._loop.create_task(exchange.cycle().run_asgi(told))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _beginning(self, defaults: list[tuple[bytes, bytes]], model: Model) -> bytes:
        """Status line and the headers that all replies of a second share; uvicorn renews its list for the date."""
        if defaults is not self._defaults or model is not self._model:
            self._defaults, self._model = defaults, model
            shared = [*defaults, (_TYPE, JSON), (b"pulse-model", model.id.encode())]
            self._shared = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in shared)
        return self._shared

    _defaults: list[tuple[bytes, bytes]] | None = None
    _model: Model | None = None
    _shared = b""
