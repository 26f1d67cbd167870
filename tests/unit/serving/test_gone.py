"""Clients that go away, and clients that come back: no work for the one, no mix-up for the other."""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx

from pulse_blocks.settings import Workspace
from tests.runtime_kill import Received, check_traceable
from tests.served_models import protocol, records, runtime, train_and_promote

SLOW = {"batch": {"max_rows": 1}}


def test_who_has_gone_is_not_computed(workspace: Workspace) -> None:
    """A large request whose client closes the connection stops in the middle, and the queue is free again."""
    train_and_promote(workspace, protocol(serving=SLOW))
    body = json.dumps({"instances": records(30_000)}).encode()
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:
        where = urlsplit(url)
        with socket.create_connection((str(where.hostname), int(where.port or 0))) as connection:
            connection.sendall(
                b"POST /predict/parcels HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            while 'pulse_waiting_requests{model="parcels"} 1' not in client.get("/metrics").text:
                time.sleep(0.001)
        deadline = time.monotonic() + 5
        while 'pulse_waiting_requests{model="parcels"} 0' not in client.get("/metrics").text:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        text = client.get("/metrics").text
        assert "pulse_ledger_commits_total 0" in text
        rows = next(line for line in text.splitlines() if line.startswith("pulse_batched_rows_total"))
        assert int(rows.split()[1]) < 30_000


def test_each_reply_belongs_to_its_request(workspace: Workspace) -> None:
    """Clients that hang up at random, large and small requests, repeats from the cache: no reply is mixed up."""
    train_and_promote(workspace, protocol(serving={"batch": {"max_rows": 4}}))
    received: list[Received] = []

    def client(url: str, seed: int) -> None:
        draw = random.Random(seed)  # noqa: S311 - a repeatable load
        for _ in range(60):
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
            rows = records(draw.choice([1, 1, 1, 9, 40]), draw.randrange(40))
            body = rows[0] if len(rows) == 1 else {"instances": rows}
            connection.request("POST", "/predict/parcels", json.dumps(body))
            if draw.random() < 0.3:
                connection.close()
                continue
            reply = json.loads(connection.getresponse().read())
            predictions = reply.get("predictions", [reply])
            received.extend(Received(row, got) for row, got in zip(rows, predictions, strict=True))
            connection.close()

    with runtime(workspace, "parcels") as (url, _):
        threads = [threading.Thread(target=client, args=(url, seed)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(received) > 500
    check_traceable(workspace, received)
