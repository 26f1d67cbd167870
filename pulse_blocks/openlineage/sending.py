"""The thread that sends events: the only one that knows the OpenLineage client's transports."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from queue import Empty, Full, Queue
from typing import Any

log = logging.getLogger("pulse.openlineage")

Build = Callable[[], Iterable[Any]]
_MOST = 1_000


class Sender:
    """Takes events to be built and sent, in order. Nothing that happens to them reaches who told them."""

    def __init__(self) -> None:
        self._queue: Queue[Build] = Queue(_MOST)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse-openlineage", daemon=True)
        self._thread.start()

    def put(self, build: Build) -> None:
        """Have events built and sent. Where too many wait already these are left out, and the log says so."""
        try:
            self._queue.put_nowait(build)
        except Full:
            log.warning("More than %d OpenLineage events wait to be sent: one is left out.", _MOST)

    def close(self, seconds: float) -> None:
        """Send what waits, for at most ``seconds``; the rest is left out."""
        self._closing.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            log.warning("OpenLineage events could not be sent within %.0f s; the rest is left out.", seconds)

    def _run(self) -> None:
        client: Any = None
        while not (self._closing.is_set() and self._queue.empty()):
            try:
                build = self._queue.get(timeout=0.05)
            except Empty:
                continue
            try:
                client = client or _client()
                for event in build():
                    client.emit(event)
            except Exception as error:  # noqa: BLE001 - an export must never fail a run
                log.warning("An OpenLineage event could not be sent: %s", _told(error))
        if client is not None:
            _closed(client)


def _client() -> Any:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import set_producer

    from pulse_blocks.openlineage.facets import PRODUCER

    set_producer(PRODUCER)
    return OpenLineageClient()


def _closed(client: Any) -> None:
    started = time.monotonic()
    try:
        client.close(1.0)
    except Exception as error:  # noqa: BLE001 - the same
        log.warning(
            "The OpenLineage client did not end: %s (%.1f s)", _told(error), time.monotonic() - started
        )


def _told(error: Exception) -> str:
    """The kind of error and its first line, without the address that was asked: it may hold a key."""
    first = str(error).partition("\n")[0]
    return type(error).__name__ if "://" in first else f"{type(error).__name__}: {first}"
