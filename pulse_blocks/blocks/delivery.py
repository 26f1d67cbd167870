"""What a process still holds for the Prefect server."""

from __future__ import annotations

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

_SECONDS = 10.0


def flush() -> None:
    """Send queued logs and events now: once the server is gone, Prefect would try for a minute and complain."""
    APILogWorker.drain_all(timeout=_SECONDS)
    EventsWorker.drain_all(timeout=_SECONDS)
