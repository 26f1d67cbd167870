"""Uvicorn, told to stop by us, and how long that may take."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator

import uvicorn

GRACE_SECONDS = 10
# After requests have taken all of that: a supervisor waits for five seconds more.
CLOSE_SECONDS = 2


class Server(uvicorn.Server):
    """Uvicorn, which tells when it answers and leaves signals to us: it would raise them again at its end."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready
        self._until = float("inf")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def stop(self) -> None:
        """Stop gracefully; the second time at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._until = min(self._until, time.monotonic() + GRACE_SECONDS)

    def time_left(self) -> float:
        """Seconds for what is to be done after the last answer."""
        return max(CLOSE_SECONDS, min(GRACE_SECONDS, self._until - time.monotonic()))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
