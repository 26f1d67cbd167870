"""How messages call the types of the language and what stands in a file."""

from __future__ import annotations

from typing import get_args

from msgspec import inspect

from pulse_blocks.protocol import spec
from pulse_blocks.protocol.nodes import Mapping, Node, Scalar, Sequence
from pulse_blocks.protocol.problems import shown

_FORMS: dict[str, str] = {
    get_args(spec.Name)[1].pattern: "Lowercase letters, digits and single dashes, no path: flight-delay.",
    get_args(spec.ColumnName)[1].pattern: "No double quotes, backslashes or control characters.",
    get_args(spec.SemVer)[1].pattern: "A semantic version: 1.0.0.",
    get_args(spec.Duration)[1].pattern: "A number and a unit (ms, s, m, h, d): 90s.",
}
_TYPES: dict[type[inspect.Type], str] = {
    inspect.StructType: "a section (key: value)",
    inspect.DictType: "a section (key: value)",
    inspect.VarTupleType: "a list",
    inspect.StrType: "text",
    inspect.IntType: "an integer",
    inspect.FloatType: "a number",
    inspect.BoolType: "true or false",
}


def bare(kind: inspect.Type) -> inspect.Type:
    """A type without its description."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def alternatives(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """The members of a union; any other type by itself."""
    kind = bare(kind)
    return tuple(map(bare, kind.types)) if isinstance(kind, inspect.UnionType) else (kind,)


def choices(kind: inspect.Type) -> list[str]:
    """The fixed words among which a value is chosen, none where it is not."""
    literals = [one for one in alternatives(kind) if isinstance(one, inspect.LiteralType)]
    return sorted(str(value) for literal in literals for value in literal.values)


def of_type(kind: inspect.Type) -> str:
    """``float or int or text``: what is expected. That a key may be left empty goes without saying."""
    names = choices(kind) + [_TYPES[type(one)] for one in alternatives(kind) if type(one) in _TYPES]
    if _TYPES[inspect.FloatType] in names:
        names = [name for name in names if name != _TYPES[inspect.IntType]]
    unique = list(dict.fromkeys(names))
    return " or ".join([", ".join(unique[:-1]), unique[-1]]) if len(unique) > 1 else unique[0]


def of_node(node: Node) -> str:
    """``the text 'x'``: what is found."""
    if isinstance(node, Mapping):
        return "a section"
    if isinstance(node, Sequence):
        return "a list"
    value = node.value() if isinstance(node, Scalar) else None
    if value is None or not isinstance(node, Scalar):
        return "nothing"
    if isinstance(value, str):
        return f"the text {shown(node.text)!r}"
    kind = {bool: "truth value", int: "integer", float: "number"}[type(value)]
    return f"the {kind} {shown(node.text)}"


def of_form(pattern: str) -> str:
    """A pattern of the language in plain words."""
    return _FORMS.get(pattern, f"It must match {pattern}.")
