"""Requests that wait: whose time is up, who has gone, what hangs."""

from __future__ import annotations

import asyncio
import time

import httpx
import pysqlite3
import pytest

from pulse_blocks.ledger import Ledger
from pulse_blocks.serving.failures import ClientGoneError, TooLateError
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace, sqlite_path
from tests.running_engine import Running, job
from tests.served_models import RECORD, protocol, records, runtime, train_and_promote


# No probability is this small: a model under this contract fails with every answer.
def samples(client: httpx.Client) -> dict[str, float]:
    """The metrics by name and labels."""
    lines = client.get("/metrics").text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}


def test_a_ledger_that_hangs_costs_no_more_than_the_deadline(workspace: Workspace) -> None:
    """A ledger that another process has locked: 504 when the time is up, and answers again once it is free."""
    train_and_promote(workspace, protocol(serving={"deadline": "1s"}))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        path = sqlite_path(workspace.ledger)
        lock = pysqlite3.connect(str(path), isolation_level=None)
        lock.execute("begin immediate")
        started = time.monotonic()
        late = client.post("/predict/parcels", json=RECORD)
        took = time.monotonic() - started
        lock.execute("rollback")
        assert (late.status_code, late.json()["error"]["code"]) == (504, "serving.deadline")
        assert 0.9 < took < 2
        assert client.post("/predict/parcels", json=RECORD).status_code == 200
        assert samples(client)["pulse_late_total"] == 1


def test_whose_time_is_up_is_not_computed(model: Model, ledger: Ledger) -> None:
    """A late request costs no call of the model; one that gets late in the middle stops there."""

    async def run() -> tuple[int, int]:
        async with Running(ledger) as running:
            with pytest.raises(TooLateError):
                await running.batcher.submit(job(model, seconds=-1))
            first = running.metrics.batched_rows
            model.max_rows = 1
            with pytest.raises(TooLateError):
                await running.batcher.submit(job(model, 20_000, seconds=0.5))
            await asyncio.sleep(0.3)
            assert running.batcher.waiting == 0
            return first, running.metrics.batched_rows

    none, some = asyncio.run(run())
    assert none == 0
    assert 0 < some < 20_000
    assert ledger.inference_counts([model.id]) == {model.id: 0}


def test_who_has_gone_is_dropped_from_the_queue(model: Model, ledger: Ledger) -> None:
    """A client that went while its request waited costs no call of the model."""

    async def run() -> int:
        async with Running(ledger) as running:
            gone = job(model)
            gone.client.disconnected = True
            with pytest.raises(ClientGoneError):
                await running.batcher.submit(gone)
            return running.metrics.batched_rows

    assert asyncio.run(run()) == 0


def test_a_request_may_ask_for_less_time(workspace: Workspace) -> None:
    """X-Request-Timeout in seconds; what is no time is told, and more than the protocol's is not given."""
    train_and_promote(workspace, protocol(serving={"deadline": "300ms", "batch": {"max_rows": 1}}))
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:

        def ask(timeout: str, count: int) -> httpx.Response:
            body = {"instances": records(count)}
            return client.post("/predict/parcels", json=body, headers={"X-Request-Timeout": timeout})

        assert ask("0.2", 1).status_code == 200
        for timeout in ("0.05", "1000"):
            started = time.monotonic()
            assert ask(timeout, 20_000).status_code == 504
            assert time.monotonic() - started < 2
        for timeout in ("soon", "-1", "nan", "0", "inf"):
            refused = ask(timeout, 1)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "request.timeout")


def test_a_body_that_does_not_come_is_not_waited_for(workspace: Workspace) -> None:
    """Half of a body and then silence: 504 when the time is up, and the connection is closed."""
    import socket
    from urllib.parse import urlsplit

    train_and_promote(workspace, protocol(serving={"deadline": "300ms"}))
    with runtime(workspace, "parcels") as (url, _):
        where = urlsplit(url)
        with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=5) as connection:
            connection.sendall(b"POST /predict/parcels HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{")
            reply = b""
            while part := connection.recv(1000):
                reply += part
    assert reply.startswith(b"HTTP/1.1 504")
    assert b"serving.deadline" in reply
