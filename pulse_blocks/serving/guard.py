"""In front of every page: who has no key for it gets nothing. What is not listed here needs ``admin``."""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Iterable

from pulse_blocks.ledger.keys import Scope
from pulse_blocks.serving.app import Asgi, Send
from pulse_blocks.serving.keyring import Keyring, Verdict
from pulse_blocks.serving.reading import Message, Receive
from pulse_blocks.serving.refusals import Refusal, body_of

# What load balancers and schedulers ask. It tells that the runtime lives, and which models it serves.
PUBLIC = frozenset({"/healthz", "/readyz", "/ping"})
_READING = frozenset({"GET", "HEAD"})
_PAGES = frozenset({"/metrics", "/openapi.json", "/docs", "/v2"})
# What a proxy may answer for: nobody reads or changes anything without a key.
NO_KEY: frozenset[Scope] = frozenset({"predict"})
AUTHORIZATION = b"authorization"
_BEARER = b"bearer "
# Pages for people: a browser asks for the key itself, as the password of any user, and sends it to these alone.
_PEOPLE = ("/ui", "/ui/")
_BASIC = b"basic "

_REFUSALS: dict[Verdict, Refusal] = {
    "no key": Refusal(
        401, "serving.no_key", "This runtime answers holders of a key only.",
        "Send it as the header Authorization: Bearer KEY. Keys are made by: pulse key create.",
    ),
    "wrong scope": Refusal(
        403, "serving.scope", "This key may not do that.", "Take a key with the scope that it needs."
    ),
    "unknown": Refusal(
        503, "serving.keys_unknown", "Keys cannot be checked at present.", "Try again later.",
        retry_after=1,
    ),
}  # fmt: skip


class Guard:
    """An ASGI application that lets only those through to another one who hold a key for what they ask."""

    def __init__(self, app: Asgi, keyring: Keyring, keyless: frozenset[Scope] = frozenset()) -> None:
        """``keyless`` are scopes that need no key, because something in front has asked who it is."""
        self._app = app
        self._keyless = keyless
        self._keyring = keyring

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Nothing but HTTP is let through at all: there is no other protocol here."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if path in PUBLIC and method in _READING:
            await self._app(scope, receive, send)
            return
        wanted = needed(method, path)
        if wanted in self._keyless:
            await self._app(scope, receive, send)
            return
        for_people = _is_for_people(path)
        verdict = self._keyring.check(_token(scope, for_people=for_people), wanted)
        if verdict == "allowed":
            await self._app(scope, receive, send)
        else:
            await _refuse(send, _REFUSALS[verdict], for_people=for_people)


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs. The path is the one that the application routes by, decoded once."""
    if method == "POST":
        if path.startswith("/predict/") or path == "/invocations":
            return "predict"
        if path.startswith("/v2/models/") and path.endswith("/infer"):
            return "predict"
        if path == "/feedback":
            return "feedback"
    elif method in _READING and (
        path in _PAGES or path.startswith(("/lineage/", "/v2/")) or _is_for_people(path)
    ):
        return "read"
    return "admin"


def _is_for_people(path: str) -> bool:
    return path == _PEOPLE[0] or path.startswith(_PEOPLE[1])


def bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bearer token of a request; nothing where there is none, or more than one."""
    found = [value for name, value in headers if name == AUTHORIZATION]
    return token_of(found[0]) if len(found) == 1 else b""


def token_of(value: bytes) -> bytes:
    """The token in an Authorization header; nothing where it is of another scheme."""
    return value[len(_BEARER) :].strip() if value[: len(_BEARER)].lower() == _BEARER else b""


def _token(scope: Message, *, for_people: bool) -> bytes:
    """The bearer token, or a browser's password; nothing where there is none, or more than one."""
    found: list[bytes] = [value for name, value in scope["headers"] if name == AUTHORIZATION]
    if token := bearer(scope["headers"]):
        return token
    if len(found) == 1 and for_people and found[0][: len(_BASIC)].lower() == _BASIC:
        with contextlib.suppress(binascii.Error):
            return base64.b64decode(found[0][len(_BASIC) :].strip(), validate=True).partition(b":")[2]
    return b""


async def _refuse(send: Send, refusal: Refusal, *, for_people: bool) -> None:
    body = body_of(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        # What is left of the body is not read.
        (b"connection", b"close"),
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b'Basic realm="Pulse"' if for_people else b"Bearer"))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
