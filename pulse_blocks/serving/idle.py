"""Scale to zero: the runtime ends when nobody has asked for a while, and who comes next starts it again."""

from __future__ import annotations

import asyncio
import logging

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = logging.getLogger("pulse.serving")

# Between the last connection that is accepted and the end: who has connected already may still send a request.
SETTLE_SECONDS = 0.2


async def stop_when_idle(server: uvicorn.Server, seconds: float) -> None:
    """Stop a server once no request has been under way for ``seconds``; connections that only stay open do not count.

    It stops accepting first, so that a connection that comes late waits at the socket for the next process.
    """
    answered, quiet = -1, 0.0
    step = min(1.0, seconds / 4)
    while quiet < seconds:
        await asyncio.sleep(step)
        state = server.server_state
        busy = state.total_requests != answered or _is_busy(server)
        answered, quiet = state.total_requests, 0.0 if busy else quiet + step
    log.info("Nobody has asked for %g s: this process ends.", seconds)
    for listener in server.servers:
        listener.close()
    await asyncio.sleep(SETTLE_SECONDS)
    server.should_exit = True


def _is_busy(server: uvicorn.Server) -> bool:
    """Whether a request is being answered, or half of one was sent."""
    for connection in list(server.server_state.connections):
        if isinstance(connection, HttpToolsProtocol):
            cycle = connection.cycle
            # None before the first request of a connection, whatever its type says.
            if cycle is not None and not cycle.response_complete:  # type: ignore[redundant-expr]
                return True
    return False
