"""The short way of one sound record answers exactly as the long way does, and takes nothing else."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, protocol, runtime, train_and_promote
from tests.waiting import until

BODY = json.dumps(RECORD).encode()


@pytest.fixture
def served(workspace: Workspace) -> Iterator[str]:
    """A runtime's address."""
    train_and_promote(workspace, protocol(serving={"cache": {"entries": 0}}))
    with runtime(workspace, "parcels") as (url, _):
        yield url


def request(body: bytes = BODY, *headers: str, version: str = "1.1", path: str = "/predict/parcels") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"POST {path} HTTP/{version}", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def answers(url: str, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that comes back for what is sent, until the other side closes."""
    where = urlsplit(url)
    with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


def parted(reply: bytes) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Status line, headers and JSON."""
    head, _, body = reply.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return first, dict(line.split(": ", 1) for line in lines), json.loads(body)


def test_both_ways_say_the_same(served: str) -> None:
    """A body in one piece goes the short way, one in two pieces the long way: status, headers and body are alike."""
    whole = request(BODY, "connection: close")
    short = parted(answers(served, whole))
    long = parted(answers(served, whole[:-5], whole[-5:], pause=0.1))
    assert short[0] == long[0] == "HTTP/1.1 200 OK"
    own = {"date", "pulse-inference-id"}
    assert short[1].keys() == long[1].keys() >= own
    assert {k: v for k, v in short[1].items() if k not in own} == {
        k: v for k, v in long[1].items() if k not in own
    }
    for reply in (short, long):
        assert reply[2].pop("inference_id") == reply[1]["pulse-inference-id"]
    assert short[2] == long[2]


def test_requests_in_one_packet_are_answered_in_turn(served: str, workspace: Workspace) -> None:
    """Pipelined, sound and unsound mixed: each gets its own answer, in order, on one connection."""
    weights = [1.0, 2.0, 3.0, 4.0]
    bodies = [json.dumps({**RECORD, "weight": weight}).encode() for weight in weights]
    pieces = [
        request(bodies[0]),
        request(b"{}"),
        request(bodies[1]),
        request(b"[", path="/nowhere"),
        request(bodies[2]),
        request(bodies[3], "connection: close"),
    ]
    found = answers(served, b"".join(pieces))
    statuses = [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [200, 422, 200, 404, 200, 200]
    ids = [part.split(b"\r\n")[0].decode() for part in found.split(b"pulse-inference-id: ")[1:]]
    with open_ledger(workspace.ledger) as ledger:
        assert [json.loads(ledger.inference(one).input)["weight"] for one in ids] == weights


@pytest.mark.parametrize("seed", range(12))
def test_a_stream_of_requests_is_answered_alike_however_it_is_cut(served: str, seed: int) -> None:
    """Known heads and new ones, sound bodies and others, in packets cut anywhere: the statuses of one at a time."""
    draw = random.Random(seed)  # noqa: S311 - test data
    kinds = {
        200: request(), 422: request(b"{}"), 400: request(b"[" * len(BODY)), 404: request(path="/predict/others"),
        # The known head once more, with one thing about it that is another.
        201: request(BODY, "x-request-timeout: 5"), 401: request(BODY, "x-request-timeout: 0"),
    }  # fmt: skip
    expected = [draw.choice([200, 200, *kinds]) for _ in range(40)]
    stream = b"".join(kinds[kind] for kind in expected) + request(BODY, "connection: close")
    pieces = []
    while stream:
        # As long as a request is, so that some pieces are exactly one.
        size = draw.choice([len(kinds[200]), len(kinds[422]), draw.randrange(1, 700)])
        pieces.append(stream[:size])
        stream = stream[size:]
    found = answers(served, request(), *pieces, pause=0.003)
    statuses = [int(part[:3]) for part in found.split(b"HTTP/1.1 ")[1:]]
    told = {201: 200, 401: 400}
    assert statuses == [200, *(told.get(kind, kind) for kind in expected), 200]


def test_the_end_of_a_head_is_no_head(served: str) -> None:
    """What came as the last piece of a request is refused where it comes as the first of one."""
    whole = request()
    end = b"content-length: %d\r\n\r\n" % len(BODY) + BODY
    assert whole.endswith(end)
    with_both = answers(served, whole[: -len(end)], end, request(BODY, "connection: close"), pause=0.05)
    assert with_both.count(b"HTTP/1.1 200") == 2
    assert answers(served, whole, end, pause=0.05).split(b"HTTP/1.1 ")[2].startswith(b"400")


def test_a_known_head_is_shut_out_with_its_key(workspace: Workspace) -> None:
    """A revoked key is refused within a second on the connection on which it was good."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        _, token = ledger.create_key(name="soon gone", scopes=["predict"], who="tests")
        with (
            runtime(workspace, "parcels", require_keys=True) as (url, _),
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client,
        ):
            assert [client.post("/predict/parcels", content=BODY).status_code for _ in range(3)] == [200] * 3
            ledger.revoke_key("soon gone", who="tests")
            assert until(
                lambda: client.post("/predict/parcels", content=BODY).status_code == 401, seconds=1.0
            )


def test_http_1_0_is_closed_behind_its_answer(served: str) -> None:
    """Without keep-alive the connection ends, and the reply says so."""
    status, headers, body = parted(answers(served, request(version="1.0")))
    assert (status.split()[1], headers["connection"]) == ("200", "close")
    assert body["inference_id"]


def test_what_is_not_plain_goes_the_long_way(served: str) -> None:
    """Refusals, wishes, other types and other forms are what they were."""
    with httpx.Client(base_url=served) as client:

        def ask(content: bytes = BODY, **headers: str) -> int:
            return client.post("/predict/parcels", content=content, headers=headers).status_code

        assert ask(**{"X-Request-Timeout": "soon"}) == 400
        assert ask(**{"X-Request-Timeout": "5"}) == 200
        assert ask(b"{") == 400
        assert ask(b"\xff") == 400
        assert ask(b"{}") == 422
        assert ask(json.dumps({"instances": [RECORD]}).encode()) == 200
        assert ask(BODY + b" " * 100_000) == 200
        assert ask(**{"Content-Type": "text/plain"}) == 200
        assert ask(Expect="100-continue") == 200
        assert client.put("/predict/parcels", content=BODY).status_code == 405


def test_who_has_gone_breaks_nothing(served: str) -> None:
    """Hundreds that hang up without waiting for their answer; the next one is answered."""
    where = urlsplit(served)
    for _ in range(200):
        with socket.create_connection((str(where.hostname), int(where.port or 0)), timeout=10) as connection:
            connection.sendall(request())
    assert httpx.post(f"{served}/predict/parcels", content=BODY).status_code == 200
    metrics = httpx.get(f"{served}/metrics").text
    assert 'pulse_waiting_requests{model="parcels"} 0' in metrics


def test_keys_are_asked_for(workspace: Workspace) -> None:
    """The short way is for holders of a key with the scope only."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        _, good = ledger.create_key(name="good", scopes=["predict"], who="tests")
        _, other = ledger.create_key(name="other", scopes=["read"], who="tests")
    with runtime(workspace, "parcels", require_keys=True) as (url, _):
        for key, status in ((good, 200), (other, 403), ("pulse_no", 401), (None, 401)):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            assert httpx.post(f"{url}/predict/parcels", content=BODY, headers=headers).status_code == status
