"""Kill the runtime under load, and see whether every id that a client received can be traced."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import threading
import time
from urllib.parse import urlsplit

import msgspec

from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol.requests import request_type
from pulse_blocks.settings import Workspace
from tests.served_models import protocol, records, runtime

CLIENTS = 8


class Received(msgspec.Struct):
    """What a client sent and got: the record, and each prediction of the reply."""

    record: dict[str, object]
    prediction: dict[str, object]


def kill_under_load(workspace: Workspace, seed: int) -> list[Received]:
    """Load the runtime from several connections, SIGKILL it at a moment drawn by ``seed``; what clients got."""
    draw = random.Random(seed)  # noqa: S311 - a repeatable moment
    received: list[Received] = []
    with runtime(workspace, "parcels") as (url, process):
        clients = [
            threading.Thread(target=ask_until_gone, args=(url, draw.randrange(2**30), received))
            for _ in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        while not received:
            time.sleep(0.001)
        time.sleep(draw.uniform(0.0, 0.6))
        process.kill()
        for client in clients:
            client.join()
    return received


def ask_until_gone(url: str, seed: int, received: list[Received]) -> None:
    """Send records, one or some at a time, until the connection breaks."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    draw = random.Random(seed)  # noqa: S311
    try:
        while True:
            rows = records(draw.choice([1, 1, 1, 5, 100]), draw.randrange(2**30))
            body = rows[0] if len(rows) == 1 else {"instances": rows}
            connection.request("POST", "/predict/parcels", json.dumps(body))
            response = connection.getresponse()
            reply = json.loads(response.read())
            if response.status == 503 and reply["error"]["code"] == "serving.overloaded":
                # A machine that is busy with other things sheds load.
                continue
            assert response.status == 200, reply
            for row, prediction in zip(rows, reply.get("predictions", [reply]), strict=True):
                received.append(Received(row, prediction))
    except (OSError, http.client.HTTPException, json.JSONDecodeError):
        return
    finally:
        connection.close()


def check_traceable(workspace: Workspace, received: list[Received]) -> None:
    """Every id is in the ledger once, with the input that was sent, the output that came, and their hashes."""
    record_type = request_type(protocol())
    ids = [str(one.prediction["inference_id"]) for one in received]
    assert len(set(ids)) == len(ids)
    with open_ledger(workspace.ledger) as ledger:
        for one, inference_id in zip(received, ids, strict=True):
            kept = ledger.inference(inference_id)
            text = msgspec.json.encode(msgspec.convert(one.record, record_type))
            assert kept.input_sha256 == hashlib.sha256(text).hexdigest()
            assert kept.output_sha256 == hashlib.sha256(kept.output.encode()).hexdigest()
            assert {**json.loads(kept.output), "inference_id": kept.id, "model": kept.model} == one.prediction
