"""The routes below ``/ui/``: each gathers facts on another thread and lays them out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.lineage.node import time_of
from pulse_blocks.lineage.text import TITLES, facts
from pulse_blocks.ui import views
from pulse_blocks.ui.charts import chart
from pulse_blocks.ui.views import Sources

_HERE = Path(__file__).parent
# Nothing but this page's own style sheet is loaded, no script runs, and nobody may frame it.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
Page = Callable[[Sources, Request], Response]
_NOT_FOUND = ("lineage.unknown", "lineage.no_id", "ui.no_model")


def routes(sources: Sources) -> list[Route]:
    """All pages, for the runtime's application."""
    pages: list[tuple[str, Page]] = [
        ("/ui/", _home),
        ("/ui/search", _search),
        ("/ui/models/{name}", _model),
        ("/ui/lineage/{id:path}", _lineage),
    ]
    return [
        Route("/ui", _entrance),
        Route("/ui/style.css", _style),
        *(Route(path, _page(sources, page)) for path, page in pages),
    ]


def _page(sources: Sources, page: Page) -> Callable[[Request], Any]:
    """A page, or an error in the words of the command line and the look of every other page."""

    @functools.wraps(page)
    async def answer(request: Request) -> Response:
        try:
            return await run_in_threadpool(page, sources, request)
        except PulseError as error:
            status = 503 if isinstance(error, UnavailableError) else 404 if error.code in _NOT_FOUND else 400
            return _rendered("error.html", sources, status, error=error, asked=_asked(request))

    return answer


async def _entrance(_: Request) -> Response:
    """To the page of all models."""
    return RedirectResponse("/ui/", 308)


def _home(sources: Sources, _: Request) -> Response:
    """All models: champions, drift, traffic."""
    return _rendered("home.html", sources, page=views.home(sources))


def _model(sources: Sources, request: Request) -> Response:
    """One model: its champions and its drift over time."""
    found = views.model(sources, request.path_params["name"])
    checks = found.row.drift.checks
    drawn = chart([check.share for check in checks], found.row.drift.limit) if checks else None
    return _rendered("model.html", sources, page=found, chart=drawn)


def _lineage(sources: Sources, request: Request) -> Response:
    """The tree of an id; every node opens."""
    asked = request.path_params["id"]
    return _rendered("lineage.html", sources, node=views.lineage(sources, asked), asked=asked)


def _search(_: Sources, request: Request) -> Response:
    """To the tree of the id that was typed in."""
    asked = _asked(request)
    return RedirectResponse(f"/ui/lineage/{quote(asked, safe='@')}" if asked else "/ui/", 303)


def _asked(request: Request) -> str:
    return str(request.query_params.get("id") or request.path_params.get("id", "")).strip()


async def _style(_: Request) -> Response:
    """The pages' only style sheet."""
    return Response((_HERE / "static" / "style.css").read_bytes(), media_type="text/css", headers=_HEADERS)


def _rendered(template: str, sources: Sources, status: int = 200, **shown: Any) -> Response:
    body = _environment().get_template(template).render(links=sources.links, **{"asked": "", **shown})
    return HTMLResponse(body, status, headers=_HEADERS)


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"when": time_of, "path": lambda text: quote(text, safe="@")}
    made.globals |= {"titles": TITLES, "facts_of": facts}
    return made
