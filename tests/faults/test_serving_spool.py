"""Rows that wait on disk survive the process: it is killed while the ledger is away, and while they are drained."""

from __future__ import annotations

import os
import random
import threading
import time
from pathlib import Path

import httpx
import pytest

from pulse_blocks.settings import Workspace
from tests.absent_ledger import absent
from tests.runtime_kill import Received, ask_until_gone, check_traceable
from tests.served_models import protocol, runtime, train_and_promote

REPEATS = {"full": 50, "short": 4}[os.environ.get("PULSE_FAULTS", "short")]


def kill_while_rows_wait(workspace: Workspace, seed: int) -> list[Received]:
    """Take the ledger away under load, kill the runtime before it is back, or soon after."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable moment
    received: list[Received] = []
    with runtime(workspace, "parcels") as (url, process):
        clients = [
            threading.Thread(target=ask_until_gone, args=(url, draw.randrange(2**30), received))
            for _ in range(4)
        ]
        for client in clients:
            client.start()
        while not received:
            time.sleep(0.001)
        with absent(workspace):
            time.sleep(draw.uniform(0.2, 0.6))
            if seed % 2:
                process.kill()
        time.sleep(draw.uniform(0.0, 0.7))
        process.kill()
        for client in clients:
            client.join()
    return received


def wait_until_drained(folder: Path) -> None:
    """Until no file is left."""
    deadline = time.monotonic() + 30
    while folder.exists() and any(folder.iterdir()):
        assert time.monotonic() < deadline, list(folder.iterdir())
        time.sleep(0.05)


@pytest.mark.faults
@pytest.mark.timeout(1200)
def test_no_spooled_row_is_lost(any_ledger: Workspace) -> None:
    """After each SIGKILL whoever starts next brings the rows over: every id is traceable, once, hashes right."""
    train_and_promote(any_ledger, protocol(serving={"spool": True, "breaker": {"failures": 1000}}))
    folder, left = any_ledger.folder / "spool", 0
    for seed in range(REPEATS):
        received = kill_while_rows_wait(any_ledger, seed)
        left += folder.exists() and any(folder.iterdir())
        with runtime(any_ledger, "parcels") as (url, _):
            wait_until_drained(folder)
            assert httpx.get(f"{url}/readyz").json()["spooled_rows"] == 0
        check_traceable(any_ledger, received)
    assert left >= REPEATS // 2, "nothing was ever left behind: this tested nothing"
