"""A request on the short way, and its reply: what uvicorn, the queue and the worker know of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.jobs import Job

if TYPE_CHECKING:
    from uvicorn._types import HTTPScope


class Answering(Protocol):
    """Who sends what came of an exchange."""

    def answer(self, exchange: Exchange) -> None:
        """Its rows are durable."""

    def refuse(self, exchange: Exchange, error: Exception) -> None:
        """It has failed."""


class _NoEvent:
    """Nobody waits for more of a request that is all there."""

    def set(self) -> None:
        """Tell nobody."""


class Exchange:
    """One for each request, in three places at once, so that there is one object to make.

    A job's client, the future that it is told to, and what stands at uvicorn's protocol where it keeps the request
    that is under way: it reads ``response_complete``, and writes ``disconnected`` and ``keep_alive``.
    """

    __slots__ = (
        "_answering", "_over", "disconnected", "job", "keep_alive", "protocol", "response_complete",
        "response_started", "slot",
    )  # fmt: skip

    message_event = _NoEvent()

    def __init__(
        self, answering: Answering, protocol: HttpToolsProtocol, slot: Slot, *, keep_alive: bool
    ) -> None:
        self._answering = answering
        self._over = False
        self.protocol = protocol
        self.slot = slot
        self.keep_alive = keep_alive
        self.disconnected = self.response_started = self.response_complete = False
        self.job: Job

    def done(self) -> bool:
        """Whether its end was told already."""
        return self._over

    def set_result(self, result: None) -> None:  # noqa: ARG002 - a future's interface
        """Answer it."""
        self._over = True
        self._answering.answer(self)
        self._forget()

    def set_exception(self, error: Exception) -> None:
        """Refuse it."""
        self._over = True
        self._answering.refuse(self, error)
        self._forget()

    def _forget(self) -> None:
        # Both hold the other: left so, only the garbage collector would find them, and it stops everything meanwhile.
        del self.job

    def cycle(self) -> RequestResponseCycle:
        """Uvicorn's own object in the place of this one, for an answer by the long way."""
        protocol = self.protocol
        scope: HTTPScope = {  # type: ignore[typeddict-item]  # who answers asks for no more of it
            "type": "http", "method": "POST", "headers": []
        }  # fmt: skip
        cycle = RequestResponseCycle(
            scope=scope,
            transport=protocol.transport,
            flow=protocol.flow,
            logger=protocol.logger,
            access_logger=protocol.access_logger,
            access_log=False,
            default_headers=protocol.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=self.keep_alive,
            on_response=protocol.on_response_complete,
        )
        cycle.more_body, cycle.disconnected = False, self.disconnected
        if cast("object", protocol.cycle) is self:
            protocol.cycle = cycle
        return cycle
