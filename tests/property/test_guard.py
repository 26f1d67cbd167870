"""Whatever path, method and headers somebody makes up: without a key nothing but the public pages is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.keys import SCOPES
from pulse_blocks.serving.guard import PUBLIC, Guard, needed
from pulse_blocks.serving.keyring import Keyring
from pulse_blocks.serving.metrics import Metrics

KNOWN = [
    *sorted(PUBLIC),
    "/metrics",
    "/docs",
    "/ui/",
    "/v2",
    "/v2/models/m/infer",
    "/predict/m",
    "/feedback",
    "/invocations",
]
PIECES = st.sampled_from([*KNOWN, "/", "..", ".", "%2e", "//", ";", "?", "#", "\0", " ", "healthz", "a", "é"])
PATHS = st.one_of(
    st.sampled_from(KNOWN), st.lists(PIECES, max_size=4).map("".join), st.text(max_size=30).map("/".__add__)
)
METHODS = st.one_of(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]), st.text("GETgetPOS", max_size=5)
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Keyring, dict[str, str]]]:
    """A keyring, and a key of each scope."""
    url = f"sqlite:///{tmp_path_factory.mktemp('keys')}/ledger.db"
    migrate(url)
    with open_ledger(url) as ledger:
        tokens = {scope: ledger.create_key(name=scope, scopes=[scope], who="x")[1] for scope in SCOPES}
        keyring = Keyring(ledger, Metrics())
        yield keyring, tokens
        keyring.close()


def reached(keyring: Keyring, method: str, path: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether the application behind the guard was called; if not, that an answer was sent."""
    calls: list[str] = []
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        calls.append(scope["path"])

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Guard(app, keyring)(scope, None, send))  # type: ignore[arg-type]
    assert bool(calls) != bool(sent)
    return bool(calls)


@given(
    METHODS,
    PATHS,
    st.lists(
        st.tuples(st.sampled_from([b"host", b"authorization", b"x-forwarded-for"]), st.binary(max_size=40)),
        max_size=3,
    ),
)
def test_without_a_key(
    keys: tuple[Keyring, dict[str, str]], method: str, path: str, headers: list[tuple[bytes, bytes]]
) -> None:
    """Exactly the public pages, and only to read them."""
    assert reached(keys[0], method, path, headers) == (path in PUBLIC and method in {"GET", "HEAD"})


@given(METHODS, PATHS, st.sampled_from(SCOPES))
def test_with_a_key(keys: tuple[Keyring, dict[str, str]], method: str, path: str, scope: str) -> None:
    """Beyond those a key opens what its scope is for, and admin everything."""
    keyring, tokens = keys
    headers = [(b"authorization", b"Bearer " + tokens[scope].encode())]
    public = path in PUBLIC and method in {"GET", "HEAD"}
    expected = public or scope == "admin" or needed(method, path) == scope
    assert reached(keyring, method, path, headers) == expected


@given(st.data())
def test_a_key_that_was_changed_is_none(keys: tuple[Keyring, dict[str, str]], data: st.DataObject) -> None:
    """One character of it replaced, left out or added, anywhere."""
    keyring, tokens = keys
    token = data.draw(st.sampled_from(sorted(tokens.values()))).encode()
    at = data.draw(st.integers(0, len(token) - 1))
    put = data.draw(st.binary(max_size=2))
    changed = token[:at] + put + token[at + 1 :]
    assert (keyring.check(changed, "predict") == "no key") == (changed != token)
