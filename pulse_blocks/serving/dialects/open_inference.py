"""The Open Inference Protocol (https://github.com/kserve/open-inference-protocol), version 2 over HTTP.

Each feature is an input tensor of its name with one value a record, of shape [n] or [n, 1]. Tensors may come as
JSON or by the binary extension, which clients such as ``tritonclient`` use; answers are JSON.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pulse_blocks.protocol.requests import FieldProblem, request_columns
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.serving.bodies import as_json, by_row, convert, invalid
from pulse_blocks.serving.dialects.base import JSON, Asked, Dialect, Headers, Reply
from pulse_blocks.serving.dialects.tensors import Tensor, values
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal

PLATFORM = "pulse_lightgbm"
_LENGTH_HEADER = b"inference-header-content-length"
_KINDS = {"float": "FP64", "int": "INT64", "bool": "BOOL"}


class _Request(msgspec.Struct):
    """``outputs`` and ``parameters`` may name what a client wants; it gets everything."""

    inputs: list[Tensor]
    id: str = ""


def _read(model: Model, body: bytes, headers: Headers) -> Asked:
    head, tail = _parted(body, headers)
    raw = as_json(head)
    try:
        request = msgspec.convert(raw, _Request)
    except msgspec.ValidationError as error:
        raise invalid([FieldProblem("", f"{error}.")]) from None
    names = [tensor.name for tensor in request.inputs]
    if len(set(names)) < len(names):
        raise invalid([FieldProblem("inputs", "An input is there twice.")])
    fields = {column.name: column.field for column in request_columns(model.protocol)}
    columns: dict[str, list[Any]] = {}
    for tensor in request.inputs:
        field = fields.get(tensor.name)
        found, tail = values(tensor, tail, is_whole=field is not None and _is_whole(field))
        columns[tensor.name] = found
    if tail:
        raise invalid([FieldProblem("inputs", f"{len(tail)} bytes belong to no input.")])
    return Asked(convert(model, by_row(columns, "inputs"), _where), request.id)


def _where(number: int, path: str) -> str:
    """``inputs.weight[3]``; for a record as a whole ``inputs[3]``."""
    return f"inputs.{path}[{number}]" if path else f"inputs[{number}]"


def _parted(body: bytes, headers: Headers) -> tuple[bytes, bytes]:
    """The JSON and the binary tensors after it."""
    length = headers.get(_LENGTH_HEADER)
    if length is None:
        return body, b""
    if not length.isdigit() or int(length[:12]) > len(body):
        raise Refusal(
            400, "request.header_length", "Inference-Header-Content-Length is not the length of a part of the body.",
            "Send the number of bytes of the JSON before the tensors.",
        )  # fmt: skip
    size = int(length)
    return body[:size], body[size:]


def _is_whole(field: FieldSpec) -> bool:
    """Whether a column holds integers, which clients may send as any kind of number."""
    return field.type == "int" or (field.type == "category" and _holds_integers(field))


def _holds_integers(field: FieldSpec) -> bool:
    return bool(field.values) and isinstance((field.values or ("",))[0], int)


def _reply(job: Job, request_id: Any) -> Reply:
    replies = [msgspec.json.decode(reply) for reply in job.replies]
    answer: dict[str, Any] = {
        "model_name": job.model.name,
        "model_version": job.model.id.partition("@")[2],
        "outputs": [
            _output(name, [reply[name] for reply in replies]) for name in replies[0] if name != "model"
        ],
        "parameters": {"pulse_model": job.model.id},
    }
    if request_id:
        answer["id"] = request_id
    return Reply(JSON, msgspec.json.encode(answer))


def _output(name: str, found: list[Any]) -> dict[str, Any]:
    shape, kind = [len(found)], "FP64"
    if isinstance(found[0], dict):
        shape, found = [len(found), len(found[0])], [p for one in found for p in one.values()]
    elif isinstance(found[0], bool):
        kind = "BOOL"
    elif isinstance(found[0], str):
        kind = "BYTES"
    return {"name": name, "datatype": kind, "shape": shape, "data": found}


def metadata(model: Model) -> dict[str, Any]:
    """What ``GET /v2/models/NAME`` answers."""
    outputs: dict[str, list[dict[str, Any]]] = {
        "binary-classification": [_tensor("probability", "FP64"), _tensor("decision", "BOOL")],
        "multiclass-classification": [
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [-1, len(model.protocol.target.values or ())],
            }
        ],
        "regression": [_tensor("value", "FP64")],
    }
    return {
        "name": model.name,
        "versions": [model.id.partition("@")[2]],
        "platform": PLATFORM,
        "inputs": [
            _tensor(column.name, _kind(column.field)) for column in request_columns(model.protocol)
        ],
        "outputs": [_tensor("inference_id", "BYTES"), *outputs[model.protocol.task]],
    }  # fmt: skip


def _kind(field: FieldSpec) -> str:
    if field.type == "category" and _holds_integers(field):
        return "INT64"
    return _KINDS.get(field.type, "BYTES")


def _tensor(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "datatype": kind, "shape": [-1]}


def _refuse(refusal: Refusal) -> bytes:
    """The protocol's errors are one text: what the fields were goes into it."""
    fields = "".join(f" {problem.path}: {problem.message}" for problem in refusal.fields)
    return msgspec.json.encode({"error": f"{refusal.message}{fields}", "code": refusal.code})


OPEN_INFERENCE = Dialect(_read, _reply, _refuse)
