"""Each reply belongs to its own request: cancellations, batches, the cache and repeats, all at once."""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import Any

import pytest

from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.http_load import Connection
from tests.runtime_kill import Received, check_traceable
from tests.served_models import protocol, records, runtime, train_and_promote

REQUESTS = {"full": 100_000, "short": 10_000}[os.environ.get("PULSE_FAULTS", "short")]
CLIENTS = 32


async def one_client(url: str, seed: int, received: list[Received]) -> int:
    """Send requests; hang up on some of them at any moment, and ask again. Returns the records given up."""
    draw, given_up = random.Random(seed), 0  # noqa: S311 - a repeatable load
    async with Connection(url) as connection:
        for _ in range(REQUESTS // CLIENTS):
            # Few seeds, so that many a request is like another one and comes from the cache.
            rows = records(draw.choice([1, 1, 1, 1, 1, 1, 3, 80]), draw.randrange(300))
            body = json.dumps(rows[0] if len(rows) == 1 else {"instances": rows}).encode()
            while draw.random() < 0.1:
                await connection.send("/predict/parcels", body)
                await asyncio.sleep(draw.choice([0, 0, 0.0005, 0.003]))
                connection.close()
                given_up += len(rows)
            answer = await connection.ask("/predict/parcels", body)
            assert answer.status == 200, answer
            reply: dict[str, Any] = json.loads(answer.body)
            predictions = reply.get("predictions", [reply])
            received += [Received(row, got) for row, got in zip(rows, predictions, strict=True)]
    return given_up


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_no_reply_is_mixed_up(workspace: Workspace) -> None:
    """Hashes and outputs of every reply are those of its row, which is there once; nothing else was made up."""
    sections = {"batch": {"max_rows": 16}, "cache": {"entries": 200}}
    model = train_and_promote(workspace, protocol(serving=sections)).model

    async def load(url: str, received: list[Received]) -> int:
        return sum(await asyncio.gather(*[one_client(url, seed, received) for seed in range(CLIENTS)]))

    received: list[Received] = []
    with runtime(workspace, "parcels") as (url, _):
        given_up = asyncio.run(load(url, received))
    check_traceable(workspace, received)
    with open_ledger(workspace.ledger) as ledger:
        rows = ledger.inference_counts([model])[model]
    assert len(received) <= rows <= len(received) + given_up
    print(f"{len(received):,} replies checked, {given_up:,} records given up, {rows:,} rows")  # noqa: T201
