"""Who is let in: every page asks for a key, except those that are listed as public."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.keys import SCOPES, Scope
from pulse_blocks.serving.guard import PUBLIC, needed
from pulse_blocks.serving.pages import build
from pulse_blocks.serving.server import serve
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, runtime, train_and_promote
from tests.waiting import until

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
# Every route of the application, with names filled in. A test holds this list to the application's own.
ROUTES: dict[str, str] = {
    "/healthz": "/healthz",
    "/readyz": "/readyz",
    "/metrics": "/metrics",
    "/openapi.json": "/openapi.json",
    "/docs": "/docs",
    "/feedback": "/feedback",
    "/lineage/{id}": "/lineage/inference_01",
    "/ping": "/ping",
    "/v2": "/v2",
    "/v2/health/live": "/v2/health/live",
    "/v2/health/ready": "/v2/health/ready",
    "/v2/models/{name}": "/v2/models/parcels",
    "/v2/models/{name}/ready": "/v2/models/parcels/ready",
    "/v2/models/{name}/infer": "/v2/models/parcels/infer",
    "/invocations": "/invocations",
    "/predict/{name:path}": "/predict/parcels",
    "/ui": "/ui",
    "/ui/": "/ui/",
    "/ui/style.css": "/ui/style.css",
    "/ui/search": "/ui/search?id=inference_01",
    "/ui/models/{name}": "/ui/models/parcels",
    "/ui/lineage/{id:path}": "/ui/lineage/inference_01",
}


class Guarded(NamedTuple):
    """A runtime that asks for keys, its ledger, and a key for each scope."""

    url: str
    ledger: Ledger
    keys: dict[str, str]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One for all tests of this file."""
    workspace = settings.load(tmp_path_factory.mktemp("guarded"), environ={})
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        keys = {scope: make(ledger, scope) for scope in SCOPES}
        with runtime(workspace, "parcels", require_keys=True) as (url, _):
            yield Guarded(url, ledger, keys)


def make(ledger: Ledger, *scopes: Scope, name: str | None = None) -> str:
    return ledger.create_key(name=name or f"for {scopes}", scopes=scopes, who="tests")[1]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_list_of_routes_is_complete() -> None:
    """A page that is added must be added here, and so be thought about."""
    paths = {route.path for route in build({}, None, None, None, None).routes}  # type: ignore[arg-type,attr-defined]
    assert paths == set(ROUTES)


@pytest.mark.parametrize("path", ROUTES.values())
def test_without_a_key_only_public_pages_answer(guarded: Guarded, path: str) -> None:
    """Whatever the method; a public page may only be read."""
    with httpx.Client(base_url=guarded.url) as client:
        for method in METHODS:
            reply = client.request(method, path)
            public = path in PUBLIC and method in {"GET", "HEAD"}
            assert reply.status_code == (200 if public else 401), (method, path)
            if not public and method != "HEAD":
                assert reply.json()["error"]["code"] == "serving.no_key"
                # A browser asks for a password only where it is told so: at the pages for people.
                wanted = 'Basic realm="Pulse"' if path.startswith("/ui") else "Bearer"
                assert reply.headers["www-authenticate"] == wanted


@pytest.mark.parametrize("path", ROUTES.values())
def test_a_key_without_the_scope_is_refused(guarded: Guarded, path: str) -> None:
    """Each scope opens its own pages and no other; admin opens all."""
    with httpx.Client(base_url=guarded.url) as client:
        for method in ("GET", "POST", "DELETE"):
            if path in PUBLIC and method == "GET":
                continue
            for scope, token in guarded.keys.items():
                status = client.request(method, path, headers=bearer(token)).status_code
                allowed = scope in {needed(method, path), "admin"}
                assert (status not in {401, 403}) == allowed, (method, path, scope)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/predict/parcels", "predict"),
        ("POST", "/invocations", "predict"),
        ("POST", "/v2/models/parcels/infer", "predict"),
        ("POST", "/feedback", "feedback"),
        ("GET", "/metrics", "read"),
        ("GET", "/docs", "read"),
        ("GET", "/ui/", "read"),
        ("POST", "/ui/", "admin"),
        ("GET", "/uis", "admin"),
        ("GET", "/lineage/inference_01", "read"),
        ("GET", "/v2/models/parcels", "read"),
        ("DELETE", "/predict/parcels", "admin"),
        ("GET", "/some/page/to/come", "admin"),
    ],
)
def test_what_each_scope_is_for(method: str, path: str, scope: str) -> None:
    """The table of docs/security.md. What nobody has thought of needs admin."""
    assert needed(method, path) == scope


# Ways around that others left open: suffixes, prefixes, encodings, dots, case, queries, absolute addresses.
DETOURS = [
    "/metrics?/healthz", "/metrics/healthz", "/predict/healthz", "/healthz/", "//healthz", "/healthz/../metrics",
    "/healthz/%2e%2e/metrics", "/healthz%2f..%2fmetrics", "/healthz%00", "/healthz%20", "/healthz;/metrics",
    "/HEALTHZ", "/./healthz", "/metrics%3f/ping", "/ping/..;/metrics", "/docs#/healthz", "/readyz.json",
    "/%68ealthz/x", "/metrics%2fping", "http://healthz/metrics", "http://localhost/metrics", "/v2/../healthz/x",
    "/lineage/healthz", "/%2fhealthz", "*",
]  # fmt: skip
HOSTS = [
    "localhost",
    "127.0.0.1",
    "healthz",
    "/healthz",
    "evil.example",
    "localhost:1@evil",
    "[::1]",
    "",
    "a" * 300,
]


@pytest.mark.parametrize("target", DETOURS)
def test_detours_lead_nowhere(guarded: Guarded, target: str) -> None:
    """No spelling of a path opens a page: 401, or 400 where it is no request at all."""
    for method in ("GET", "POST"):
        assert raw(guarded.url, f"{method} {target} HTTP/1.1", ["Host: x"]) in {400, 401}, target


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "more",
    [
        [], ["X-Forwarded-For: 127.0.0.1"], ["X-Original-URL: /healthz"], ["X-HTTP-Method-Override: GET"],
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==",
         "Sec-WebSocket-Version: 13"],
    ],
)  # fmt: skip
def test_headers_open_nothing(guarded: Guarded, host: str, more: list[str]) -> None:
    """Neither Host nor what proxies send, nor a request for a websocket."""
    assert raw(guarded.url, "GET /metrics HTTP/1.1", [f"Host: {host}", *more]) in {400, 401}


def test_only_one_well_formed_key_counts(guarded: Guarded) -> None:
    """Broken, shortened, doubled, quoted or in the wrong place: refused. The scheme's case does not matter."""
    token = guarded.keys["read"]
    wrong = [
        "", token, f"Basic {token}", f"Bearer {token[:-1]}", f"Bearer {token}x", f"Bearer {token.upper()}",
        "Bearer", "Bearer ", f'Bearer "{token}"', f"Bearer {token} {token}", f"Bearer {token[:18]}",
        f"Bearer pulse_{'0' * 12}_{token[-43:]}", "Bearer pulse_", "Bearer pulse__", f"Bearer\u00a0{token}",
    ]  # fmt: skip
    for value in wrong:
        assert raw(guarded.url, "GET /metrics HTTP/1.1", ["Host: x", f"Authorization: {value}"]) == 401, value
    twice = ["Host: x", *[f"Authorization: Bearer {token}"] * 2]
    assert raw(guarded.url, "GET /metrics HTTP/1.1", twice) == 401
    assert raw(guarded.url, f"GET /metrics?key={token} HTTP/1.1", ["Host: x"]) == 401
    assert raw(guarded.url, "GET /metrics HTTP/1.1", ["Host: x", f"authorization: bEaReR {token}"]) == 200


def test_a_key_may_be_used_and_is_refused_within_a_second(guarded: Guarded) -> None:
    """Made and revoked while the runtime runs; a prediction with it is an ordinary one."""
    token = make(guarded.ledger, "predict", name="short lived")
    with httpx.Client(base_url=guarded.url, headers=bearer(token)) as client:

        def status() -> int:
            return client.post("/predict/parcels", json=RECORD).status_code

        assert until(lambda: status() == 200, 1.0)
        guarded.ledger.revoke_key("short lived", who="tests")
        assert until(lambda: status() == 401, 1.0)


def test_every_worker_asks_for_keys(workspace: Workspace) -> None:
    """With and without a key, over many connections."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        token = make(ledger, "read")
    with runtime(workspace, "parcels", require_keys=True, workers=2) as (url, _):
        assert {httpx.get(f"{url}/metrics").status_code for _ in range(8)} == {401}
        assert {httpx.get(f"{url}/metrics", headers=bearer(token)).status_code for _ in range(8)} == {200}


def test_the_key_itself_is_kept_nowhere(workspace: Workspace) -> None:
    """Neither in the ledger's files nor anywhere else below the workspace."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        token = make(ledger, "read")
        secret = token.rpartition("_")[2] if len(token.rpartition("_")[2]) > 20 else token[-20:]
        files = [path for path in Path(workspace.root).rglob("*") if path.is_file()]
        assert files
        assert not any(secret.encode() in path.read_bytes() for path in files)
        assert token not in json.dumps([one.details for one in ledger.audit_rows()])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.com", "", "127.0.0.1.example.com"])  # noqa: S104
def test_other_machines_are_kept_out_where_there_is_no_key(workspace: Workspace, host: str) -> None:
    """The runtime does not start, and says how to make a key."""
    train_and_promote(workspace)
    with pytest.raises(PulseError, match="pulse key create") as error:
        serve(workspace, ["parcels"], host=host, port=0)
    assert error.value.code == "serving.no_keys"


def test_a_revoked_key_is_no_key(workspace: Workspace) -> None:
    """Nor does the runtime start with one that was revoked."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        make(ledger, "predict", name="gone")
        ledger.revoke_key("gone", who="tests")
    with pytest.raises(PulseError):
        serve(workspace, ["parcels"], port=0, require_keys=True)


def test_another_address_asks_for_keys_unasked(workspace: Workspace) -> None:
    """Where other machines can reach the runtime, nobody has to remember to require keys."""
    train_and_promote(workspace)
    with open_ledger(workspace.ledger) as ledger:
        make(ledger, "read")
    with runtime(workspace, "parcels", host="0.0.0.0") as (url, _):  # noqa: S104
        at = url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        assert httpx.get(f"{at}/metrics").status_code == 401
        assert httpx.get(f"{at}/healthz").status_code == 200


def raw(url: str, line: str, headers: list[str]) -> int:
    """The status of a request that no client would let one write."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join([line, *headers, "Content-Length: 0", "", ""]).encode("latin-1"))
        answer = connection.recv(65536)
    return int(answer.split(b" ", 2)[1])
