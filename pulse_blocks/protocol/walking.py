"""One walk over a file's nodes against the types of ``spec.py``: plain values, and every problem on the way."""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from pulse_blocks.protocol import words
from pulse_blocks.protocol.nodes import Mapping, Node, Scalar, Sequence
from pulse_blocks.protocol.problems import Path, Problems, nearest, shown

# Stands for a value that could not be read; what is wrong with it is among the problems already.
UNREADABLE = object()
_BOUNDS = (
    ("ge", "at least", operator.ge),
    ("gt", "greater than", operator.gt),
    ("le", "at most", operator.le),
    ("lt", "less than", operator.lt),
)


@functools.cache
def type_of(kind: type[msgspec.Struct]) -> inspect.Type:
    """How msgspec describes the type of a section."""
    return inspect.type_info(kind)


def walk(node: Node, expected: inspect.Type, path: Path, problems: Problems) -> Any:
    """The plain value of ``node``, or UNREADABLE with the reason among ``problems``.

    Recursion follows the types, which end after a few levels; the nodes below an unexpected one are left alone.
    """
    if not problems.has(path):
        problems.mark(path, node.line, node.column)
    if node.broken:
        return UNREADABLE
    kind = next((one for one in words.alternatives(expected) if _fits(node, one)), None)
    if isinstance(node, Scalar):
        return _scalar(node, expected, kind, path, problems)
    if isinstance(node, Mapping):
        if isinstance(kind, inspect.StructType):
            return _section(node, kind, path, problems)
        if isinstance(kind, inspect.DictType):
            return _dict(node, kind, path, problems)
    if isinstance(node, Sequence) and isinstance(kind, inspect.VarTupleType):
        items = [walk(item, kind.item_type, (*path, n), problems) for n, item in enumerate(node.items)]
        return UNREADABLE if any(item is UNREADABLE for item in items) else items
    problems.add(path, "wrong_type", f"Expected {words.of_type(expected)}, found {words.of_node(node)}.")
    return UNREADABLE


def _fits(node: Node, kind: inspect.Type) -> bool:
    if isinstance(node, Mapping):
        return isinstance(kind, (inspect.StructType, inspect.DictType))
    if isinstance(node, Sequence):
        return isinstance(kind, inspect.VarTupleType)
    if not isinstance(node, Scalar):
        return False
    value = node.value()
    if isinstance(kind, inspect.LiteralType):
        return any(type(value) is type(one) and value == one for one in kind.values)
    kinds: dict[type, type[inspect.Type] | tuple[type[inspect.Type], ...]] = {
        bool: inspect.BoolType,
        int: (inspect.IntType, inspect.FloatType),
        float: inspect.FloatType,
        str: inspect.StrType,
        type(None): inspect.NoneType,
    }
    return isinstance(kind, kinds[type(value)])


def _section(node: Mapping, kind: inspect.StructType, path: Path, problems: Problems) -> Any:
    fields = {field.encode_name: field for field in kind.fields}
    values: dict[str, Any] = {}
    for key, value in _pairs(node, path, problems):
        if key in fields:
            values[key] = walk(value, fields[key].type, (*path, key), problems)
        else:
            hint = nearest(key, fields) or f"Known keys: {', '.join(fields)}."
            problems.add((*path, key), "unknown_key", f"There is no key {shown(key)!r} here.", hint)
    for name, field in fields.items():
        if field.required and name not in values:
            problems.add((*path, name), "missing_key", f"The key {name!r} is missing.", f"Add {name!r} here.")
            values[name] = UNREADABLE
    return UNREADABLE if any(value is UNREADABLE for value in values.values()) else values


def _dict(node: Mapping, kind: inspect.DictType, path: Path, problems: Problems) -> Any:
    values: dict[str, Any] = {}
    broken = False
    for key, value in _pairs(node, path, problems):
        here = (*path, key)
        key_type = words.bare(kind.key_type)
        broken |= isinstance(key_type, inspect.StrType) and not _text_is_sound(key, key_type, here, problems)
        values[key] = walk(value, kind.value_type, here, problems)
        broken |= values[key] is UNREADABLE
    if kind.min_length and len(values) < kind.min_length:
        problems.add(path, "too_few", f"At least {kind.min_length} entry is needed here.")
        return UNREADABLE
    return UNREADABLE if broken else values


def _pairs(node: Mapping, path: Path, problems: Problems) -> Iterator[tuple[str, Node]]:
    """Keys and values of a mapping; a key that comes twice counts at its first place."""
    seen: dict[str, int] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            if not key.broken:
                message = f"A key is one word, not {words.of_node(key)}."
                problems.add_at((key.line, key.column), path, "wrong_type", message)
        elif key.text in seen:
            problems.add_at(
                (key.line, key.column),
                (*path, key.text),
                "duplicate_key",
                f"{shown(key.text)!r} is here a second time; the first is in line {seen[key.text]}.",
                "Remove or rename one of the two.",
            )
        elif not key.broken:
            seen[key.text] = key.line
            place = value if isinstance(value, Scalar) and value.text else key
            problems.mark((*path, key.text), place.line, place.column)
            yield key.text, value


def _scalar(
    node: Scalar, expected: inspect.Type, kind: inspect.Type | None, path: Path, problems: Problems
) -> Any:
    value = node.value()
    sound = True
    if kind is None:
        code, hint = _explain(node, value, expected)
        message = f"Expected {words.of_type(expected)}, found {words.of_node(node)}."
        problems.add(path, code, message, hint)
        sound = False
    elif isinstance(kind, inspect.IntType):
        sound = _number_is_sound(value, kind, path, problems)
    elif isinstance(kind, inspect.FloatType):
        sound = _number_is_sound(value, kind, path, problems)
        value = float(value)
    elif isinstance(kind, inspect.StrType):
        sound = _text_is_sound(value, kind, path, problems)
    return value if sound else UNREADABLE


def _explain(node: Scalar, value: Any, expected: inspect.Type) -> tuple[str, str | None]:
    """The code and the hint for a scalar of a type that is not wanted."""
    choices = words.choices(expected)
    if choices and isinstance(value, str):
        return "not_allowed", nearest(value, choices)
    if isinstance(value, float) and abs(value) >= 2**63 and node.text.lstrip("+-").isalnum():
        return "out_of_range", "Integers have 64 bits."
    takes_text = any(isinstance(kind, inspect.StrType) for kind in words.alternatives(expected))
    if (takes_text or choices) and value is not None and not isinstance(value, str):
        return "wrong_type", f"Write it in quotes: '{shown(node.text)}'."
    return "wrong_type", None


def _number_is_sound(
    value: float, kind: inspect.IntType | inspect.FloatType, path: Path, problems: Problems
) -> bool:
    if not math.isfinite(value):
        problems.add(path, "not_finite", "A finite number is needed here.")
        return False
    for name, phrase, holds in _BOUNDS:
        bound = getattr(kind, name)
        if bound is not None and not holds(value, bound):
            problems.add(path, "out_of_range", f"{shown(value)} is not {phrase} {bound}.")
            return False
    return True


def _text_is_sound(text: str, kind: inspect.StrType, path: Path, problems: Problems) -> bool:
    if kind.min_length is not None and len(text) < kind.min_length:
        problems.add(path, "too_short", "An empty name is not allowed.")
    elif kind.max_length is not None and len(text) > kind.max_length:
        problems.add(path, "too_long", f"{len(text)} characters; at most {kind.max_length} are allowed.")
    elif kind.pattern is not None and not re.search(kind.pattern, text):
        message = f"{shown(text)!r} does not have the form that is needed here."
        problems.add(path, "bad_format", message, words.of_form(kind.pattern))
    else:
        return True
    return False
