"""The ASGI application: predictions on a path of their own, everything else in ``pages``."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from pulse_blocks.errors import PulseError
from pulse_blocks.serving import reading
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.dialects.base import Asked, Dialect, Headers, Reply
from pulse_blocks.serving.dialects.predict import PREDICT
from pulse_blocks.serving.failures import ClientGoneError, TooLateError
from pulse_blocks.serving.jobs import Client, Job
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.reading import Message, Receive
from pulse_blocks.serving.refusals import Refusal, as_refusal, internal
from pulse_blocks.serving.routes import Routes

log = logging.getLogger("pulse.serving")

Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

# A body above this is decoded on another thread, so that the event loop answers others meanwhile.
_LARGE = 200_000


class App:
    """Answers predictions in every dialect itself and hands everything else on."""

    def __init__(self, slots: dict[str, Slot], metrics: Metrics, pages: Asgi) -> None:
        self._routes = Routes(slots)
        self._metrics = metrics
        self._pages = pages

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            headers = dict(scope["headers"])
            dialect, found = self._routes.find(scope["path"], headers)
            if isinstance(found, Slot):
                await self._answer(dialect, found, headers, receive, send)
                return
            if found is not None:
                await _refuse(send, dialect, found)
                return
        await self._pages(scope, receive, send)

    async def _answer(
        self, dialect: Dialect, slot: Slot, headers: Headers, receive: Receive, send: Send
    ) -> None:
        started = time.perf_counter_ns()
        try:
            job, reply = await self._predict(dialect, slot, headers, receive, started)
        except ClientGoneError:
            self._metrics.gone += 1
            return
        except Exception as error:  # noqa: BLE001 - whatever went wrong, a client gets an answer and no stack
            await self._refused(dialect, slot, error, started, send)
            return
        self._metrics.predictions[job.model.id] += len(job.ids)
        self._metrics.observe(slot.name, 200, _since(started))
        head = [
            (b"content-type", reply.kind),
            (b"content-length", b"%d" % len(reply.body)),
            (b"pulse-model", job.model.id.encode()),
        ]
        if len(job.ids) == 1:
            head.append((b"pulse-inference-id", job.ids[0].encode()))
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": reply.body})

    def refusing(self, slot: Slot, error: Exception, started: int) -> Asgi:
        """An application that answers a request to ``/predict`` with an error."""

        async def refuse(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001 - ASGI's interface
            await self._refused(PREDICT, slot, error, started, send)

        return refuse

    async def _refused(
        self, dialect: Dialect, slot: Slot, error: Exception, started: int, send: Send
    ) -> None:
        refusal = self._refusal(error)
        self._metrics.observe(slot.name, refusal.status, _since(started))
        await _refuse(send, dialect, refusal)

    async def _predict(
        self, dialect: Dialect, slot: Slot, headers: Headers, receive: Receive, started: int
    ) -> tuple[Job, Reply]:
        whole = reading.is_there(receive)
        model, batcher = slot.model, slot.batcher
        until = reading.deadline(headers, started, model.deadline_ns)
        # Before anything is read: what cannot be answered must cost as little as possible.
        batcher.admit(model, until)
        body = await reading.body(receive, headers, until)
        records, form = await _understood(dialect, model, body, headers)
        if not whole or len(body) > _LARGE:
            # Others have come while this one was read.
            batcher.admit(model, until)
        if whole:
            client: Client = receive.__self__  # type: ignore[attr-defined]
            job = Job(model, records, started, until, client)
            await batcher.submit(job)
        else:
            with reading.Watch(receive) as client:
                job = Job(model, records, started, until, client)
                await batcher.submit(job)
        return job, dialect.reply(job, form)

    def _refusal(self, error: Exception) -> Refusal:
        if isinstance(error, PulseError):
            self._metrics.late += isinstance(error, TooLateError)
            return as_refusal(error)
        # The kind and the place, never the message: it may hold what the client sent.
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        place = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else "unknown"
        log.error("A prediction failed with %s at %s.", type(error).__name__, place)
        return internal()


async def _understood(dialect: Dialect, model: Model, body: bytes, headers: Headers) -> Asked:
    if len(body) > _LARGE:
        return await asyncio.to_thread(dialect.read, model, body, headers)
    return dialect.read(model, body, headers)


def _since(started: int) -> float:
    return (time.perf_counter_ns() - started) / 1e9


async def _refuse(send: Send, dialect: Dialect, refusal: Refusal) -> None:
    body = dialect.refuse(refusal)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    if refusal.status in {413, 504}:
        # What is left of the body is not read.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
