"""Every key of the protocol language, from its JSON Schema: section by section, as deep as it goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pulse_blocks.protocol.schema import json_schema

NOTHING = "\N{EN DASH}"
_BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


class Key(NamedTuple):
    """One key: what it may hold, and what it is where it is left out (None: it is required).

    ``section`` names the record that it holds, if any.
    """

    name: str
    type: str
    default: str | None
    section: str | None


class Section(NamedTuple):
    """The keys of a record where it comes first: below ``path``, which is empty for the file itself."""

    name: str
    path: str
    about: str
    keys: list[Key]


def sections() -> list[Section]:
    """The file itself, then each section in the order of its keys."""
    schema = json_schema()
    return list(_sections("", _target(schema["$ref"]), schema["$defs"], set()))


def _sections(path: str, name: str, defs: dict[str, Any], seen: set[str]) -> Iterator[Section]:
    if name in seen:
        return
    seen.add(name)
    section, below = defs[name], []
    keys = []
    for key, value in section["properties"].items():
        inner = list(_refs(value))
        dotted = f"{path}.{key}" if path else key
        below += [(dotted + suffix, target) for suffix, target in inner]
        default = None if key in section.get("required", ()) else _default(value)
        keys.append(Key(key, _type(value), default, inner[0][1] if inner else None))
    yield Section(name, path, section.get("description", ""), keys)
    for dotted, target in below:
        yield from _sections(dotted, target, defs, seen)


def _refs(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Sections within a value, each with what its path has beyond the key."""
    if "$ref" in value:
        yield "", _target(value["$ref"])
    for one in value.get("anyOf", ()):
        yield from _refs(one)
    if "items" in value:
        yield from ((f"[]{suffix}", target) for suffix, target in _refs(value["items"]))
    if isinstance(more := value.get("additionalProperties"), dict):
        yield from ((f".NAME{suffix}", target) for suffix, target in _refs(more))


def _type(value: dict[str, Any]) -> str:
    if "anyOf" in value:
        kinds = [_type(one) for one in value["anyOf"] if one != {"type": "null"}]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in value:
        return ", ".join(f"`{one}`" for one in value["enum"] if one is not None)
    if "$ref" in value:
        return "section"
    kind = value["type"]
    if kind == "array":
        return f"list of {_type(value['items'])}"
    if kind == "object":
        return f"names → {_type(value['additionalProperties'])}"
    return kind + _limits(value)


def _limits(value: dict[str, Any]) -> str:
    limits = [f"{sign} {value[word]:,}" for word, sign in _BOUNDS.items() if word in value]
    if value.get("description"):
        limits.append(value["description"].rstrip(".")[:1].lower() + value["description"].rstrip(".")[1:])
    return f" ({', '.join(limits)})" if limits else ""


def _default(value: dict[str, Any]) -> str:
    default = value.get("default")
    if default in (None, {}, []):
        return NOTHING
    return f"`{json.dumps(default)}`" if not isinstance(default, dict) else "its defaults"


def _target(ref: str) -> str:
    return ref.rpartition("/")[2]
