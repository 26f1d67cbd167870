"""An ASGI application that answers with constant bytes: what HTTP alone costs under uvicorn."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

BODY = b'{"inference_id":"inference_01jdb2aaaaaaaaaaaaaaaaaaaa","model":"scores@1.0.0-0000000","probability":0.5}'
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(BODY)),
    (b"pulse-model", b"scores@1.0.0-0000000"),
    (b"pulse-inference-id", b"inference_01jdb2aaaaaaaaaaaaaaaaaaaa"),
]


async def app(
    _: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Read the body, and answer."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(sys.argv[2]), loop="uvloop", http="httptools", log_level="critical", access_log=False,
        server_header=False, ws="none", lifespan="off",
    )  # fmt: skip
