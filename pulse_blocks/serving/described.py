"""Routes that say what the OpenAPI document tells of them, so that neither can be without the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.routing import Route

Schema = Mapping[str, Any]
JSON, HTML, PLAIN = "application/json", "text/html", "text/plain"
TEXT: Schema = {"type": "string"}
_ERROR: Schema = {"$ref": "#/components/schemas/Error"}
_REFUSALS = {
    400: "The request cannot be understood.",
    404: "Nothing of that name is here.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "Fields do not meet the protocol; each is named.",
    503: "Overloaded, or model or ledger failed; try again after `Retry-After`.",
    504: "The time for this request was up.",
}


class Described(Route):
    """A route of one method with its operation: ``replies`` and ``bodies`` are content type → schema.

    ``refuses`` are the statuses of refusals; a path with a parameter has 404 beside.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        summary: str,
        replies: Mapping[str, Schema],
        *,
        method: str = "GET",
        bodies: Mapping[str, Schema] | None = None,
        refuses: tuple[int, ...] = (),
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.method = method.lower()
        named = (404,) if self.param_convertors else ()
        self.operation = operation(self.path_format, summary, replies, bodies or {}, (*refuses, *named))


def operation(
    path: str,
    summary: str,
    replies: Mapping[str, Schema],
    bodies: Mapping[str, Schema],
    refuses: tuple[int, ...],
    error: Schema = _ERROR,
) -> dict[str, Any]:
    """One operation of the document, with the parameters of its path."""
    refused = {
        str(status): {"description": _REFUSALS[status], "content": _content({JSON: error})}
        for status in refuses
    }
    return {
        "operationId": _id(path),
        "summary": summary,
        **_parameters(path),
        **({"requestBody": {"required": True, "content": _content(bodies)}} if bodies else {}),
        "responses": {"200": {"description": "As asked.", "content": _content(replies)}, **refused},
    }


def page_for_people(path: str) -> dict[str, Any]:
    """The operation of a page that shows what others tell: its errors are pages too."""
    content = _content({HTML: TEXT, "text/css": TEXT})
    errors = _content({HTML: TEXT, JSON: _ERROR})
    return {
        "operationId": _id(path),
        "summary": "A page for people.",
        **_parameters(path),
        "responses": {
            "200": {"description": "The page.", "content": content},
            **{status: {"description": "It is elsewhere."} for status in ("303", "308")},
            **{str(s): {"description": _REFUSALS[s], "content": errors} for s in (400, 404, 503)},
        },
    }


def _id(path: str) -> str:
    return path[1:].translate(str.maketrans("/", "-", "{}")) or "index"


def _parameters(path: str) -> dict[str, Any]:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    found = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]
    return {"parameters": found} if found else {}


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas.items()}
