"""The Prefect blocks with their fields, from the classes themselves."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any, NamedTuple

from pulse_blocks import blocks as collection


class Field(NamedTuple):
    """One field of a block."""

    name: str
    type: str
    required: bool
    description: str


class BlockType(NamedTuple):
    """A type of block, by the name that Prefect shows and the slug that addresses have."""

    name: str
    slug: str
    kind: str
    about: str
    fields: list[Field]


def blocks() -> list[BlockType]:
    """All block types of the collection, by name."""
    kinds = [getattr(collection, name) for name in collection.__all__]
    return sorted(
        (
            BlockType(
                name=kind.get_block_type_name(),
                slug=kind.get_block_type_slug(),
                kind=kind.__name__,
                about=inspect.cleandoc(kind.__doc__ or "").partition("\nExample:")[0].strip(),
                fields=[_field(name, field) for name, field in kind.model_fields.items()],
            )
            for kind in kinds
        ),
        key=lambda block: block.name,
    )


def _field(name: str, field: Any) -> Field:
    return Field(name, _type(field.annotation), field.is_required(), field.description or "")


def _type(annotation: Any) -> str:
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one) for one in inside if one is not type(None))
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in inside)
    if origin is dict:
        return f"{_type(inside[0])} → {_type(inside[1])}"
    return {"str": "text", "SecretStr": "secret"}.get(annotation.__name__, annotation.__name__)
