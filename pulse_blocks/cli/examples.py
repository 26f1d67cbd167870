"""A request to try a served model with, made from its protocol."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from typing import Any

import msgspec

from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import FieldSpec, FieldType, Protocol


def curl(url: str, protocol: Protocol, *, with_key: bool = False) -> str:
    """A command for the shell that asks for one prediction; ``with_key`` takes the key from PULSE_API_KEY."""
    body = msgspec.json.encode(record(protocol)).decode()
    key = ' -H "Authorization: Bearer $PULSE_API_KEY"' if with_key else ""
    return f"curl -s {shlex.quote(f'{url}/predict/{protocol.name}')}{key} -d {shlex.quote(body)}"


def record(protocol: Protocol) -> dict[str, Any]:
    """A value that the protocol allows for every feature; for a text with a pattern only its shape."""
    return {column.name: _value(column.field) for column in features(protocol)}


_PLAIN: dict[FieldType, Any] = {
    "bool": False,
    "timestamp": "2026-01-15T02:00:00Z",
    "date": "2026-01-15",
}


def _value(field: FieldSpec) -> Any:
    match field.type:
        case "float":
            return _number(field)
        case "int":
            return _whole(field)
        case "category":
            return (field.values or ("",))[0]
        case "string":
            return _text(field)
        case plain:
            return _PLAIN[plain]


def _number(field: FieldSpec) -> float:
    """The middle between two bounds; one off a single bound, which may itself be excluded."""
    low = field.ge if field.ge is not None else field.gt
    high = field.le if field.le is not None else field.lt
    if low is not None and high is not None:
        return low / 2 + high / 2
    if low is not None:
        return low + 1.0
    return 0.0 if high is None else high - 1.0


def _whole(field: FieldSpec) -> int:
    """The middle of the allowed whole numbers, or the only end that they have."""
    low = _first(field.ge, math.ceil) if field.gt is None else math.floor(field.gt) + 1
    high = _first(field.le, math.floor) if field.lt is None else math.ceil(field.lt) - 1
    if low is not None and high is not None:
        return (low + high) // 2
    return next((end for end in (low, high) if end is not None), 0)


def _first(bound: float | None, rounded: Callable[[float], int]) -> int | None:
    return None if bound is None else rounded(bound)


def _text(field: FieldSpec) -> str:
    least, most = field.min_length or 0, field.max_length
    text = "text".ljust(least, "x")
    return text if most is None else text[:most]
