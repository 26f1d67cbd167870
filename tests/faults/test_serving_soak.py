"""Hours in small: at half of what can be borne, memory, descriptors and latency stay where they are."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from pulse_blocks.settings import Workspace
from tests.http_load import Connection, resident_mb
from tests.served_models import protocol, records, runtime, train_and_promote

SECONDS = {"full": 600.0, "short": 15.0}[os.environ.get("PULSE_FAULTS", "short")]
CAPACITY_SECONDS = 2.0
CLIENTS = 16
GROWTH_MB = 15
BODIES = [json.dumps(record).encode() for record in records(5000)]
# Of all kinds that a runtime sees: single records, many, those that it refuses, and pages.
ODD = [json.dumps({"instances": records(20, seed)}).encode() for seed in range(20)] + [
    b"{",
    b'{"weight": -1}',
]


class Sample(NamedTuple):
    """The process at one moment."""

    memory: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Resident megabytes, open descriptors, threads."""
    return Sample(
        resident_mb(pid),
        len(list(Path(f"/proc/{pid}/fd").iterdir())),
        len(list(Path(f"/proc/{pid}/task").iterdir())),
    )


async def capacity(url: str) -> float:
    """Requests a second where every client waits for its answer."""
    stop, answered = time.monotonic() + CAPACITY_SECONDS, 0

    async def client(number: int) -> None:
        nonlocal answered
        async with Connection(url) as connection:
            while time.monotonic() < stop:
                await connection.ask("/predict/parcels", BODIES[(number * 97 + answered) % len(BODIES)])
                answered += 1

    await asyncio.gather(*[client(number) for number in range(CLIENTS)])
    return answered / CAPACITY_SECONDS


async def soak(url: str, pid: int, rate: float) -> tuple[list[Sample], list[float]]:
    """Offer ``rate`` requests a second by the clock; a sample and a median latency (seconds) for each twentieth."""
    start, sent, parts = time.monotonic(), 0, 20
    samples, medians, latencies = list[Sample](), list[float](), list[float]()

    async def client() -> None:
        nonlocal sent
        while (due := start + sent / rate) < start + SECONDS:
            number, sent = sent, sent + 1
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            # Some connections are new ones, as in life: what is left of them must go.
            async with Connection(url) as connection:
                for at in range(number, number + 20):
                    body = ODD[at % len(ODD)] if at % 50 == 0 else BODIES[at % len(BODIES)]
                    answer = await connection.ask("/predict/parcels", body)
                    assert answer.status in (200, 400, 422), answer
            latencies.append((time.monotonic() - began) / 20)

    async def watch() -> None:
        for _ in range(parts):
            await asyncio.sleep(SECONDS / parts)
            samples.append(sample(pid))
            medians.append(statistics.median(latencies) if latencies else 0.0)
            latencies.clear()

    await asyncio.gather(watch(), *[client() for _ in range(CLIENTS)])
    return samples, medians


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_half_load_for_long(workspace: Workspace, tell: Callable[[str, str, str], None]) -> None:
    """Memory is flat once the cache is full, no descriptor and no thread is left over, latency does not creep up.

    Latency is told and only a large rise is a failure: whatever else this machine does shows in it too.
    """
    train_and_promote(workspace, protocol(serving={"cache": {"entries": 1000}}))
    with runtime(workspace, "parcels") as (url, process):
        most = asyncio.run(capacity(url))
        samples, medians = asyncio.run(soak(url, process.pid, most / 2 / 20))
        last = sample(process.pid)
        wal = Path(workspace.folder / "ledger.db-wal").stat().st_size / 1e6
    settled = samples[len(samples) // 4]
    grown = samples[-1].memory - settled.memory
    early, late = (statistics.median(part) * 1e3 for part in (medians[2:7], medians[-5:]))
    assert grown < GROWTH_MB
    assert last.descriptors <= settled.descriptors + 2
    assert last.threads <= settled.threads + 1
    assert wal < 50
    assert late < 5 * early + 5
    tell(
        "a soak at half of the capacity",
        f"{SECONDS:.0f} s at {most / 2:,.0f} requests/s",
        f"memory {grown:+.1f} MB, descriptors {last.descriptors - settled.descriptors:+d},"
        f" median latency {early:.1f} ms, then {late:.1f} ms",
    )
