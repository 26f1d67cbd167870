"""In front of every page: who has no key for it gets nothing. What is not listed here needs ``admin``."""

from __future__ import annotations

from pulse_blocks.ledger.keys import Scope
from pulse_blocks.serving.app import Asgi, Send
from pulse_blocks.serving.keyring import Keyring, Verdict
from pulse_blocks.serving.reading import Message, Receive
from pulse_blocks.serving.refusals import Refusal, body_of

# What load balancers and schedulers ask. It tells that the runtime lives, and which models it serves.
PUBLIC = frozenset({"/healthz", "/readyz", "/ping"})
_READING = frozenset({"GET", "HEAD"})
_PAGES = frozenset({"/metrics", "/openapi.json", "/docs", "/v2"})
_BEARER = b"bearer "

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

    def __init__(self, app: Asgi, keyring: Keyring) -> None:
        self._app = app
        self._keyring = keyring

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Nothing but HTTP is let through at all: there is no other protocol here."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        if path in PUBLIC and method in _READING:
            await self._app(scope, receive, send)
            return
        verdict = self._keyring.check(_token(scope), needed(method, path))
        if verdict == "allowed":
            await self._app(scope, receive, send)
        else:
            await _refuse(send, _REFUSALS[verdict])


def needed(method: str, path: str) -> Scope:
    """The scope that a request needs. The path is the one that the application routes by, decoded once."""
    if method == "POST":
        if path.startswith("/predict/") or path == "/invocations":
            return "predict"
        if path.startswith("/v2/models/") and path.endswith("/infer"):
            return "predict"
        if path == "/feedback":
            return "feedback"
    elif method in _READING and (path in _PAGES or path.startswith(("/lineage/", "/v2/"))):
        return "read"
    return "admin"


def _token(scope: Message) -> bytes:
    """The bearer token; nothing where there is none, or more than one."""
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(found) != 1 or found[0][: len(_BEARER)].lower() != _BEARER:
        return b""
    token: bytes = found[0][len(_BEARER) :].strip()
    return token


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = body_of(refusal)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        # What is left of the body is not read.
        (b"connection", b"close"),
    ]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
