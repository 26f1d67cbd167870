"""Everything of the runtime that is no prediction: health, metrics, OpenAPI and a page of documentation."""

from __future__ import annotations

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.lineage import text, trace_in
from pulse_blocks.serving import docs_page, feedback, openapi, peer_pages
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.described import HTML, JSON, PLAIN, TEXT, Described
from pulse_blocks.serving.metrics import Metrics
from pulse_blocks.serving.peer_pages import NOT_POST, only_post
from pulse_blocks.serving.refusals import BODY_LIMIT, Refusal, as_refusal, body_of, internal, too_large
from pulse_blocks.serving.state import now
from pulse_blocks.stores.base import Store
from pulse_blocks.ui import pages as ui_pages
from pulse_blocks.ui.views import Sources

_OBJECT = {"type": "object"}
_CODES = {404: "serving.no_such_page", 405: "serving.method"}


def build(
    slots: dict[str, Slot],
    metrics: Metrics,
    ledger: Ledger,
    store: Store,
    look: Sources,
) -> Starlette:
    """The application for the served names; ``look`` is what the pages for people are made from."""

    async def health(_: Request) -> Response:
        """Whether the process lives."""
        return JSONResponse({"status": "ok"})

    async def ready(_: Request) -> Response:
        """Which models are loaded; before that nothing listens."""
        models = {name: slot.model.id for name, slot in slots.items()}
        return JSONResponse({"status": "ready", "models": models, "spooled_rows": now(slots).spooled[0]})

    async def prometheus(_: Request) -> Response:
        """Counters and gauges in Prometheus's text format."""
        return PlainTextResponse(
            metrics.render(now(slots)), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    async def document(request: Request) -> Response:
        """The OpenAPI document of what is served."""
        return JSONResponse(openapi.document([slot.model for slot in slots.values()], request.app.routes))

    async def docs(_: Request) -> Response:
        """The same as a page for people."""
        return HTMLResponse(docs_page.page([slot.model for slot in slots.values()]))

    async def label(request: Request) -> Response:
        """Take labels: what turned out to be true about inferences."""
        body = await read(request)
        return JSONResponse(await run_in_threadpool(feedback.record, ledger, store, slots, body))

    async def lineage(request: Request) -> Response:
        """Where an id comes from and what stands on it; as text where text/plain is accepted."""
        node = await run_in_threadpool(trace_in, ledger, store, request.path_params["id"])
        if "text/plain" in request.headers.get("accept", ""):
            return PlainTextResponse(text.render(node) + "\n")
        return Response(msgspec.json.encode(node), media_type="application/json")

    return Starlette(
        routes=[
            Described("/healthz", health, "Whether it lives.", {JSON: _OBJECT}),
            Described("/readyz", ready, "Whether it is ready, and the model of each name.", {JSON: _OBJECT}),
            Described("/metrics", prometheus, "What it has done, for Prometheus.", {PLAIN: TEXT}),
            Described("/openapi.json", document, "This document.", {JSON: _OBJECT}),
            Described("/docs", docs, "What is served, as a page without any script.", {HTML: TEXT}),
            Described(
                "/feedback",
                label,
                "What turned out to be true about inferences; twice is the same as once.",
                openapi.feedback_replies(),
                method="POST",
                bodies=openapi.feedback_bodies(),
                refuses=(400, 413, 422, 503),
            ),
            Described(
                "/lineage/{id}",
                lineage,
                "Where an id comes from: a tree, or its text.",
                {JSON: _OBJECT, PLAIN: TEXT},
                refuses=(400, 503),
            ),
            *peer_pages.routes(slots),
            *ui_pages.routes(look),
            Route("/predict/{name:path}", only_post, methods=NOT_POST),
        ],
        exception_handlers={
            HTTPException: _refused,
            PulseError: _told,
            ClientDisconnect: _gone,
            Exception: _failed,
        },
    )


async def read(request: Request) -> bytes:
    """The whole body; raises Refusal 413 where it is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_LIMIT:
            raise too_large(BODY_LIMIT)
    return bytes(body)


async def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's interface
    """A client that went before its request was complete: nobody reads this."""
    return Response(status_code=400)


async def _told(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's interface
    """An error of ours."""
    refusal = as_refusal(error) if isinstance(error, PulseError) else internal()
    headers = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return Response(body_of(refusal), refusal.status, headers, media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    """An unknown page or a wrong method, in the form of every other error."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    messages = {
        404: "There is no such page here.",
        405: f"{request.method} is not allowed here.",
    }
    refusal = Refusal(
        status, _CODES.get(status, "serving.request"), messages.get(status, "The request was refused."),
        "See /docs for what is served.",
    )  # fmt: skip
    return Response(body_of(refusal), status, headers, media_type="application/json")


async def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's interface
    return Response(body_of(internal()), 500, media_type="application/json")
