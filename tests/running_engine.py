"""The runtime without HTTP: jobs, the engine that answers them, and its queue, on the test's own event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Self

import msgspec

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.batcher import Batcher, Engine
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.spool import Spool
from tests.served_models import records


class Client:
    """Who waits for an answer."""

    disconnected = False


class Running:
    """A batcher with its engine on a running event loop."""

    def __init__(self, ledger: Ledger, spool: Spool | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.metrics = Metrics()
        self.engine = Engine(ledger, loop, self.metrics, spool)
        self.batcher = Batcher(self.engine)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.engine.close)


def job(model: Model, count: int = 1, seed: int = 1, seconds: float = 30.0) -> Job:
    rows: list[Any] = msgspec.convert(records(count, seed), list[model.record])  # type: ignore[name-defined]
    now = time.perf_counter_ns()
    return Job(model, rows, now, now + int(seconds * 1e9), Client())


async def answered(running: Running, *jobs: Job) -> None:
    """Have jobs of one turn answered."""
    await asyncio.gather(*[running.batcher.submit(each) for each in jobs])
