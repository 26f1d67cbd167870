"""What the runtime accepts and answers, as an OpenAPI document made from its tables of routes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.routing import BaseRoute, Route

from pulse_blocks import __version__
from pulse_blocks.protocol.requests import FINITE, request_columns
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from pulse_blocks.serving.described import JSON, Described, Schema, operation, page_for_people
from pulse_blocks.serving.dialects.base import Dialect
from pulse_blocks.serving.dialects.mlflow import MLFLOW
from pulse_blocks.serving.dialects.open_inference import OPEN_INFERENCE
from pulse_blocks.serving.dialects.predict import ARROW, PREDICT
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.peer_pages import only_post
from pulse_blocks.serving.routes import prediction_paths


def document(models: list[Model], pages: Iterable[BaseRoute] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the served models and of the ``pages`` beside them."""
    paths: dict[str, dict[str, Any]] = {}
    for path, (dialect, name) in prediction_paths([model.name for model in models]).items():
        asked = [model for model in models if name in {None, model.name}]
        paths[path] = {"post": _PREDICTIONS[dialect](path, asked)}
    for page in pages:
        if isinstance(page, Described):
            paths.setdefault(page.path_format, {})[page.method] = page.operation
        elif isinstance(page, Route) and page.endpoint is not only_post:
            paths.setdefault(page.path_format, {})["get"] = page_for_people(page.path_format)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pulse inference runtime",
            "version": __version__,
            "description": "Predictions whose lineage is durable before the reply leaves.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }


_REFUSES = (400, 404, 413, 415, 422, 503, 504)
_TEXT: dict[str, Any] = {"type": "string"}
_BINARY: Schema = {"type": "string", "format": "binary"}
_VALUES: Schema = {"type": "array"}
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


def _predict(path: str, models: Sequence[Model]) -> dict[str, Any]:
    (model,) = models
    record = _record(model)
    columns = {name: {"type": "array", "items": schema} for name, schema in record["properties"].items()}
    bodies = [
        record,
        _object({"instances": _some(record)}),
        _object({"columns": {"type": "object", "properties": columns, "additionalProperties": False}}),
    ]
    reply = _reply(model.protocol)
    replies = [reply, _object({"predictions": _some(reply)})]
    summary = model.protocol.description or f"Predictions of {model.name}."
    return operation(
        path,
        summary,
        {JSON: {"oneOf": replies}, ARROW.decode(): _BINARY},
        {JSON: {"oneOf": bodies}},
        _REFUSES,
    )


def _invocations(path: str, models: Sequence[Model]) -> dict[str, Any]:
    records = [_record(model) for model in models]
    record = records[0] if len(records) == 1 else {"anyOf": records}
    split = {"columns": {"type": "array", "items": _TEXT}, "data": {"type": "array", "items": _VALUES}}
    forms = {
        "dataframe_split": {"type": "object", "required": list(split), "properties": split},
        "dataframe_records": _some(record),
        "instances": {"type": "array", "minItems": 1, "items": {"anyOf": [record, _VALUES]}},
        "inputs": {"anyOf": [_VALUES, {"type": "object", "additionalProperties": _VALUES}]},
    }
    bodies = {JSON: {"oneOf": [_object({name: form}) for name, form in forms.items()]}, "text/csv": _TEXT}
    replies = {JSON: _object({"predictions": _some({"anyOf": [_reply(one.protocol) for one in models]})})}
    return operation(path, "Predictions in the forms of MLflow and SageMaker.", replies, bodies, _REFUSES)


def _infer(path: str, models: Sequence[Model]) -> dict[str, Any]:  # noqa: ARG001 - as the others
    numbers = {"type": "array", "items": {"type": "integer"}}
    tensor = {"name": _TEXT, "shape": numbers, "datatype": _TEXT, "data": _VALUES}
    some = _some({"type": "object", "required": list(tensor), "properties": tensor})
    body = {"type": "object", "required": ["inputs"], "properties": {"inputs": some, "id": _TEXT}}
    answer = {"model_name": _TEXT, "model_version": _TEXT, "outputs": some}
    reply = {"type": "object", "required": list(answer), "properties": answer}
    error = _object({"error": _TEXT, "code": _TEXT})
    return operation(
        path, "Predictions in the Open Inference Protocol.", {JSON: reply}, {JSON: body}, _REFUSES, error
    )


_PREDICTIONS: dict[Dialect, Callable[[str, Sequence[Model]], dict[str, Any]]] = {
    PREDICT: _predict,
    MLFLOW: _invocations,
    OPEN_INFERENCE: _infer,
}


def feedback_bodies() -> dict[str, Schema]:
    """What labels are sent as."""
    return {JSON: {"oneOf": [_LABEL, _object({"labels": _some(_LABEL)})]}}


def feedback_replies() -> dict[str, Schema]:
    """How many were new, and how many were known."""
    count = {"type": "integer", "minimum": 0}
    return {JSON: _object({"recorded": count, "unchanged": count})}


def _record(model: Model) -> dict[str, Any]:
    """The JSON Schema of one record, with the protocol's descriptions and units."""
    (schema,), components = msgspec.json.schema_components([model.record])
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = components[name]
    found.pop("title", None)
    for column in request_columns(model.protocol):
        _leave_out_finite(found["properties"][column.name])
        text = about(column.field)
        if text:
            found["properties"][column.name]["description"] = text
    found["additionalProperties"] = False
    return found


def _leave_out_finite(schema: dict[str, Any]) -> None:
    """JSON has no other numbers than finite ones, so that bounds which say no more are not worth reading."""
    for one in (schema, *schema.get("anyOf", ())):
        for name, bound in zip(("minimum", "maximum"), FINITE, strict=True):
            if one.get(name) == bound:
                del one[name]


def about(field: FieldSpec) -> str:
    """What the protocol says about a column, with its unit."""
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


def _some(item: Schema) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": item}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
