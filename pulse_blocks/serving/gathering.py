"""``/metrics`` of a runtime with several workers: whichever answers, it tells those of all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

from pulse_blocks.serving.app import Asgi, Send
from pulse_blocks.serving.merging import merged
from pulse_blocks.serving.reading import Message, Receive

log = logging.getLogger("pulse.serving")

PATH = "/metrics"
EVERY_SECONDS = 1.0
_ENDING = ".prom"
_KIND = b"text/plain; version=0.0.4; charset=utf-8"


class Gathering:
    """An ASGI application around another one. Each worker keeps its own text in a folder that all share."""

    def __init__(self, app: Asgi, folder: Path, render: Callable[[], str]) -> None:
        """``render`` gives the text of this worker alone."""
        self._app = app
        self._folder = folder
        self._render = render
        self._own = folder / f"{os.getpid()}{_ENDING}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Everything but the metrics is the other application's."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        text = self.text().encode()
        headers = [(b"content-type", _KIND), (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    def text(self) -> str:
        """What all workers have counted, those that died among them."""
        # What was told once must still be counted should this worker die before it writes again.
        return self._of_all(self._write())

    async def keep(self) -> None:
        """Write this worker's text every second, until cancelled."""
        while True:
            self._write()
            await asyncio.sleep(EVERY_SECONDS)

    def _of_all(self, own: str) -> str:
        living: list[str] = [own]
        dead: list[str] = []
        for path in self._folder.glob(f"*{_ENDING}"):
            if path != self._own:
                with contextlib.suppress(OSError):
                    (living if _runs(int(path.stem)) else dead).append(path.read_text(encoding="utf-8"))
        return merged(living, dead)

    def _write(self) -> str:
        text = self._render()
        beside = self._own.with_suffix(".tmp")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._own)
        except OSError as error:
            log.warning("Metrics of this worker cannot be kept for the others: %s", error)
        return text


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
