"""A runtime under the load of some clients, which note what they got while something is broken."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Iterator, Sized

import httpx

from pulse_blocks.settings import Workspace
from tests.runtime_kill import Received
from tests.served_models import records, runtime
from tests.waiting import until


@contextlib.contextmanager
def asked(
    workspace: Workspace, answered: list[Received], refused: list[int]
) -> Iterator[subprocess.Popen[str]]:
    """A runtime under the load of four clients; killed at the end. ``refused`` are the statuses of errors."""

    def ask(url: str, seed: int) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            for record in records(100_000, seed):
                try:
                    reply = client.post("/predict/parcels", json=record)
                except httpx.TransportError:
                    return
                if reply.status_code == 200:
                    answered.append(Received(record, json.loads(reply.content)))
                else:
                    refused.append(reply.status_code)

    with runtime(workspace, "parcels") as (url, process):
        clients = [threading.Thread(target=ask, args=(url, seed)) for seed in range(4)]
        for client in clients:
            client.start()
        try:
            yield process
        finally:
            process.kill()
            for client in clients:
                client.join()


def grows(some: Sized, count: int) -> None:
    """Wait until there are so many more."""
    before = len(some)
    assert until(lambda: len(some) >= before + count, 60)
