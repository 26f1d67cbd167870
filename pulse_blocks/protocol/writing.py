"""Plain data as YAML that means just that, to this language's own reader and to any other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")
# Words that some version of YAML takes for something else.
_WORDS = {"null", "true", "false", "y", "n", "yes", "no", "on", "off"}
_WIDE = 100


def as_yaml(data: Mapping[str, Any]) -> str:
    """A mapping as a YAML document; what is short and flat stands in one line."""
    return "\n".join(_mapping(data, 0)) + "\n"


def scalar(value: object) -> str:
    """A text, a number, a truth value or nothing."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return text if _PLAIN.match(text) and text.lower() not in _WORDS else quoted(text)


def quoted(text: str) -> str:
    """Text in double quotes; what cannot be seen is spelled out."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"


def _mapping(data: Mapping[str, Any], depth: int) -> Iterator[str]:
    for key, value in data.items():
        yield from _entry(f"{'  ' * depth}{scalar(key)}:", value, depth)


def _entry(head: str, value: Any, depth: int) -> Iterator[str]:
    """What stands after a key or a dash."""
    flow = _flow(value) if depth else None
    if isinstance(value, str) and _is_block(value):
        yield f"{head} |{'' if value.endswith(chr(10)) else '-'}"
        yield from (f"{'  ' * (depth + 1)}{line}".rstrip() for line in value.splitlines())
    elif not isinstance(value, Mapping | list | tuple):
        yield f"{head} {scalar(value)}"
    elif not value or (flow and len(head) + len(flow) < _WIDE):
        yield f"{head} {flow or _flow(value)}"
    elif isinstance(value, Mapping):
        yield head
        yield from _mapping(value, depth + 1)
    else:
        yield head
        yield from _items(value, depth + 1)


def _items(values: Sequence[Any], depth: int) -> Iterator[str]:
    for value in values:
        dash = f"{'  ' * depth}-"
        if isinstance(value, Mapping) and value and len(dash) + len(_flow(value)) >= _WIDE:
            first, *rest = _mapping(value, depth + 1)
            yield f"{dash} {first.lstrip()}"
            yield from rest
        else:
            yield from _entry(dash, value, depth)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flow(item) for item in value)}]"
    return scalar(value)


def _is_block(text: str) -> bool:
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and not lines[0].startswith(" ")
        and not text.endswith("\n\n")
        and all(line.isprintable() and line == line.rstrip() for line in lines)
    )
