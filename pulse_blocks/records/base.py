"""What every record is, and how it becomes JSON and back."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all records."""


R = TypeVar("R", bound=Record)


def to_json(record: Record) -> bytes:
    """The record as JSON with sorted keys: the same bytes for the same facts."""
    return msgspec.json.encode(record, order="sorted")


def from_json(data: bytes | str, kind: type[R]) -> R:
    """The inverse of ``to_json``; raises msgspec.ValidationError where ``data`` is no such record."""
    return msgspec.json.decode(data, type=kind)


def as_dict(record: Record) -> dict[str, Any]:
    """The record as plain dicts and lists."""
    return dict(msgspec.to_builtins(record))
