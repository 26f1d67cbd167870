"""What the runtime accepts and answers, as an OpenAPI document and as one page without any script."""

from __future__ import annotations

import html
from typing import Any

import msgspec

from pulse_blocks import __version__
from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from pulse_blocks.serving.model import Model

_ERRORS = {
    "400": "The body is not valid JSON.",
    "404": "No model of that name is served here.",
    "413": "The body is too large.",
    "422": "Fields do not meet the protocol; each is named.",
    "503": "Overloaded, or model or ledger failed; try again after `Retry-After`.",
    "504": "The time for this request was up.",
}


def document(models: list[Model]) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the served models."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pulse inference runtime",
            "version": __version__,
            "description": "Predictions whose lineage is durable before the reply leaves.",
        },
        "paths": {
            **{f"/predict/{model.name}": {"post": _operation(model)} for model in models},
            "/feedback": {"post": _feedback()},
        },
        "components": {"schemas": {"Error": _ERROR}},
    }


_TEXT: dict[str, Any] = {"type": "string"}
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "fields"],
            "properties": {
                "code": _TEXT,
                "message": _TEXT,
                "hint": {"type": ["string", "null"]},
                "fields": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["path", "message"],
                        "properties": {"path": _TEXT, "message": _TEXT},
                    },
                },
            },
        }
    },
}


_LABEL: dict[str, Any] = {
    "type": "object",
    "required": ["inference_id", "value"],
    "additionalProperties": False,
    "properties": {
        "inference_id": _TEXT,
        "value": {"description": "What turned out to be true, as the protocol's target."},
        "time": {"type": ["string", "null"], "format": "date-time"},
    },
}


def _operation(model: Model) -> dict[str, Any]:
    record = _record(model)
    columns = {name: {"type": "array", "items": schema} for name, schema in record["properties"].items()}
    bodies = [
        record,
        _object({"instances": {"type": "array", "minItems": 1, "items": record}}),
        _object({"columns": {"type": "object", "properties": columns, "additionalProperties": False}}),
    ]
    reply = _reply(model.protocol)
    replies = [reply, _object({"predictions": {"type": "array", "items": reply}})]
    return {
        "operationId": f"predict-{model.name}",
        "summary": model.protocol.description or f"Predictions of {model.name}.",
        "requestBody": {"required": True, "content": _json({"oneOf": bodies})},
        "responses": _answers("One prediction, or one for each record.", {"oneOf": replies}),
    }


def _feedback() -> dict[str, Any]:
    bodies = [_LABEL, _object({"labels": {"type": "array", "minItems": 1, "items": _LABEL}})]
    count = {"type": "integer", "minimum": 0}
    return {
        "operationId": "feedback",
        "summary": "What turned out to be true about inferences; sending it twice is the same as once.",
        "requestBody": {"required": True, "content": _json({"oneOf": bodies})},
        "responses": _answers("How many were new.", _object({"recorded": count, "unchanged": count})),
    }


def _answers(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    error = _json({"$ref": "#/components/schemas/Error"})
    refused = {status: {"description": text, "content": error} for status, text in _ERRORS.items()}
    return {"200": {"description": description, "content": _json(schema)}, **refused}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _record(model: Model) -> dict[str, Any]:
    """The JSON Schema of one record, with the protocol's descriptions and units."""
    (schema,), components = msgspec.json.schema_components([model.record])
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = components[name]
    found.pop("title", None)
    for column in request_columns(model.protocol):
        text = _about(column.field)
        if text:
            found["properties"][column.name]["description"] = text
    found["additionalProperties"] = False
    return found


def _about(field: FieldSpec) -> str:
    unit = f"in {field.unit}" if field.unit else ""
    return " ".join(part for part in (field.description or "", unit) if part)


def _reply(protocol: Protocol) -> dict[str, Any]:
    number = {"type": "number"}
    by_task: dict[str, dict[str, Any]] = {
        "binary-classification": {"probability": number, "decision": {"type": "boolean"}},
        "multiclass-classification": {
            "probabilities": {"type": "object", "additionalProperties": number},
        },
        "regression": {"value": number},
    }
    return _object({"inference_id": _TEXT, "model": _TEXT, **by_task[protocol.task]})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Pulse inference runtime</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; }}
code, pre {{ font: 14px/1.4 ui-monospace, monospace; }}
pre {{ background: #8881; padding: 1rem; overflow-x: auto; }}
:root {{ color-scheme: light dark; }}
</style></head><body>
<h1>Pulse inference runtime</h1>
<p>Every reply carries an <code>inference_id</code>: <code>pulse lineage ID</code> tells where it comes from.
Machine-readable: <a href="/openapi.json">/openapi.json</a>. Also here: <a href="/readyz">/readyz</a>,
<a href="/healthz">/healthz</a>, <a href="/metrics">/metrics</a>.</p>
{models}
</body></html>
"""


def page(models: list[Model]) -> str:
    """One HTML page about the served models; it loads nothing from anywhere."""
    return _PAGE.format(models="\n".join(_section(model) for model in models))


def _section(model: Model) -> str:
    rows = "\n".join(
        f"<tr><td><code>{html.escape(column.name)}</code></td><td>{html.escape(_rule(column.field))}</td>"
        f"<td>{html.escape(_about(column.field))}</td></tr>"
        for column in request_columns(model.protocol)
    )
    return (
        f"<h2><code>POST /predict/{html.escape(model.name)}</code></h2>\n"
        f"<p>{html.escape(model.protocol.description)} Serving <code>{html.escape(model.id)}</code>.</p>\n"
        "<p>Send one record as a JSON object, many as <code>{&quot;instances&quot;: [...]}</code> or"
        " <code>{&quot;columns&quot;: {...}}</code>.</p>\n"
        f"<table><tr><th>Field</th><th>May hold</th><th>About</th></tr>\n{rows}\n</table>"
    )


def _rule(field: FieldSpec) -> str:
    parts: list[str] = [field.type]
    for word, bound in (("≥", field.ge), (">", field.gt), ("≤", field.le), ("<", field.lt)):
        if bound is not None:
            parts.append(f"{word} {bound}")
    if field.values:
        parts.append("one of " + ", ".join(str(value) for value in field.values))
    if field.pattern:
        parts.append(f"like {field.pattern}")
    if field.nullable:
        parts.append("or null")
    return ", ".join(parts)
