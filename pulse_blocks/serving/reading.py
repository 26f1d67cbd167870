"""The body and the wishes of a request, within its time and its size."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Self

from pulse_blocks.serving.failures import ClientGoneError, TooLateError
from pulse_blocks.serving.refusals import BODY_LIMIT, Refusal, too_large

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = Mapping[bytes, bytes]

TIMEOUT_HEADER = b"x-request-timeout"


def deadline(headers: Headers, started: int, most: int) -> int:
    """When a request's time is up: ``most`` nanoseconds after ``started``, or earlier where it asks for that.

    Raises Refusal 400 for a header that is no positive number of seconds.
    """
    asked = headers.get(TIMEOUT_HEADER)
    if asked is None:
        return started + most
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise Refusal(
            400, "request.timeout", "X-Request-Timeout is no positive number of seconds.",
            "Send seconds, such as 0.25.",
        )  # fmt: skip
    return started + min(most, int(seconds * 1e9))


def is_there(receive: Receive) -> bool:
    """Whether all of a body has come already: uvicorn's own object of the request knows."""
    return not getattr(getattr(receive, "__self__", None), "more_body", True)


class Watch:
    """Whether the client of a request is still there.

    A task that waits for its end is worth its cost for a large request only; of others uvicorn's object of the
    request knows, as long as it reads from the connection, which it stops doing behind a large body.
    """

    def __init__(self, receive: Receive) -> None:
        self.disconnected = False
        self._task = asyncio.ensure_future(receive())
        self._task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Future[Message]) -> None:
        self.disconnected = not task.cancelled()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._task.cancel()


async def body(receive: Receive, headers: Headers, until: int) -> bytes:
    """The whole body.

    Raises Refusal 413 as soon as it is known to be too large, TooLateError where it does not come in time,
    ClientGoneError where the client goes before it is complete.
    """
    if is_there(receive):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        found: bytes = message["body"]
        if len(found) > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
        return found
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced[:20]) > BODY_LIMIT:
        raise too_large(BODY_LIMIT)
    try:
        async with asyncio.timeout(max(0.0, (until - time.perf_counter_ns()) / 1e9)):
            return await _parts(receive)
    except TimeoutError:
        raise TooLateError from None


async def _parts(receive: Receive) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message["body"])
        size += len(message["body"])
        if size > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
        more = message.get("more_body", False)
    return b"".join(parts)
