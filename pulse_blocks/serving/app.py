"""The ASGI application: predictions on a path of their own, everything else in ``pages``."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.problems import nearest
from pulse_blocks.serving.bodies import parse
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.refusals import BODY_LIMIT, Refusal, as_refusal, body_of, internal, too_large

log = logging.getLogger("pulse.serving")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

PREFIX = "/predict/"
_JSON = (b"content-type", b"application/json")


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


class App:
    """Answers POST /predict/NAME itself and hands everything else on."""

    def __init__(self, slots: dict[str, Slot], metrics: Metrics, pages: Asgi) -> None:
        self._slots = slots
        self._metrics = metrics
        self._pages = pages

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith(PREFIX):
            await self._answer(scope, receive, send)
        else:
            await self._pages(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter_ns()
        name: str = scope["path"][len(PREFIX) :]
        slot = self._slots.get(name)
        if slot is None:
            await _refuse(send, self._unknown(name))
            return
        try:
            job, many = await self._predict(slot, scope, receive, started)
        except ClientGoneError:
            return
        except Exception as error:  # noqa: BLE001 - whatever went wrong, a client gets an answer and no stack
            refusal = _refusal(error)
            self._metrics.observe(name, refusal.status, _since(started))
            await _refuse(send, refusal)
            return
        self._metrics.predictions[job.model.id] += len(job.ids)
        self._metrics.observe(name, 200, _since(started))
        body = b'{"predictions":[%b]}' % b",".join(job.replies) if many else job.replies[0]
        headers = [_JSON, (b"content-length", b"%d" % len(body)), (b"pulse-model", job.model.id.encode())]
        if not many:
            headers.append((b"pulse-inference-id", job.ids[0].encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _predict(self, slot: Slot, scope: Message, receive: Receive, started: int) -> tuple[Job, bool]:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body = message["body"]
        if message.get("more_body") or len(body) > BODY_LIMIT:
            body = await _rest(body, scope, receive)
        model = slot.model
        records, many = parse(model, body)
        job = Job(model, records, started)
        future = slot.batcher.submit(job)
        if slot.batcher.takes_longer(job):
            await _unless_gone(future, receive)
        else:
            await future
        return job, many

    def _unknown(self, name: str) -> Refusal:
        return Refusal(
            404, "serving.unknown_model", f"No model named {name[:80]} is served here.",
            nearest(name, self._slots) or f"Served are: {', '.join(self._slots)}.",
        )  # fmt: skip


async def _unless_gone(future: asyncio.Future[None], receive: Receive) -> None:
    """Wait for an answer; where the client goes before it is computed, it is not computed.

    Only worth its cost where it takes longer: otherwise the answer is computed in the same turn.
    """
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((future, gone), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            future.cancel()
            raise ClientGoneError
        future.result()
    finally:
        gone.cancel()


async def _rest(body: bytes, scope: Message, receive: Receive) -> bytes:
    """A body that comes in parts. Refuses one that is too large as soon as that is known."""
    announced = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
    parts, size = [body], len(body)
    more = True
    while more:
        if size > BODY_LIMIT or (announced.isdigit() and int(announced[:20]) > BODY_LIMIT):
            raise too_large(BODY_LIMIT)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message["body"])
        size += len(message["body"])
        more = message.get("more_body", False)
    return b"".join(parts)


def _since(started: int) -> float:
    return (time.perf_counter_ns() - started) / 1e9


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, PulseError):
        return as_refusal(error)
    # The kind and the place, never the message: it may hold what the client sent.
    where = error.__traceback__
    while where and where.tb_next:
        where = where.tb_next
    place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown"
    log.error("A prediction failed with %s at %s.", type(error).__name__, place)
    return internal()


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = body_of(refusal)
    headers = [_JSON, (b"content-length", b"%d" % len(body))]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    if refusal.status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
