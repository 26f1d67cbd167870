"""A record as plain data without its defaults: the same data however much of them a file spells out."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

# A look at a type's annotations takes about a millisecond.
_fields = functools.cache(msgspec.structs.fields)


def without_defaults(value: Any) -> Any:
    """Structs become dicts of the fields that differ from their defaults, in the order of their declaration.

    msgspec's own ``omit_defaults`` leaves out what is the very object of the default, not what equals it.
    """
    if isinstance(value, msgspec.Struct):
        fields = _fields(type(value))
        values = {field.encode_name: getattr(value, field.name) for field in fields}
        return {
            field.encode_name: without_defaults(values[field.encode_name])
            for field in fields
            if not _is_default(values[field.encode_name], field)
        }
    if isinstance(value, dict):
        return {key: without_defaults(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [without_defaults(item) for item in value]
    return value


def _is_default(value: Any, field: msgspec.structs.FieldInfo) -> bool:
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return type(value) is type(default) and bool(value == default)
