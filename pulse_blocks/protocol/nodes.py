"""The places of a YAML file: nodes that know their line, their column and what their text means.

YAML 1.2 by its core schema: ``NO``, ``ON`` and dates are strings.
"""

from __future__ import annotations

import math
import re
from typing import Any

_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


class Node:
    """A place in the file. ``broken`` stands for something already reported (an alias, say)."""

    __slots__ = ("broken", "column", "line")

    def __init__(self, event: Any, *, broken: bool = False) -> None:
        self.line: int = event.start_mark.line + 1
        self.column: int = event.start_mark.column + 1
        self.broken = broken

    def as_data(self) -> Any:
        """The value without its place."""
        return None


class Scalar(Node):
    """A single value: ``text`` as written, ``plain`` where it stands without quotes."""

    __slots__ = ("plain", "text")

    def __init__(self, event: Any) -> None:
        super().__init__(event)
        self.text: str = event.value
        self.plain = event.style is None or event.style == ""

    def as_data(self) -> Any:
        """See ``Node.as_data``."""
        return self.value()

    def value(self) -> Any:
        """What the text means in YAML's core schema: None, bool, int, float or str.

        An integer that no 64 bits hold becomes the float nearest to it (infinite if need be), which no range of
        the language accepts.
        """
        text = self.text
        if not self.plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INT.match(text):
            return _integer(text)
        return float(text) if _FLOAT.match(text) else text


class Sequence(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, event: Any) -> None:
        super().__init__(event)
        self.items: list[Node] = []

    def as_data(self) -> Any:
        """See ``Node.as_data``."""
        return [item.as_data() for item in self.items]


class Mapping(Node):
    """Keys and values in the order of the file. Keys are text as written, also ``5`` and ``true``."""

    __slots__ = ("pairs",)

    def __init__(self, event: Any) -> None:
        super().__init__(event)
        self.pairs: list[tuple[Node, Node]] = []

    def as_data(self) -> Any:
        """See ``Node.as_data``; keys are text, and of those that come twice the last one counts."""
        return {key.text: value.as_data() for key, value in self.pairs if isinstance(key, Scalar)}


def _integer(text: str) -> int | float:
    if len(text) > 40:
        return -math.inf if text.startswith("-") else math.inf
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    number = int(text, base)
    return number if -(2**63) <= number < 2**63 else float(number)
