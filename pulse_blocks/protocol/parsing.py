"""YAML text to a tree of nodes, in bounded time whatever the text.

Built from ruamel.yaml's parser events without recursion: anchors, aliases and tags are refused where they stand,
and reading stops at the first mapping or list that is nested too deep.
"""

from __future__ import annotations

import re
from typing import Any

from pulse_blocks.protocol.nodes import Mapping, Node, Scalar, Sequence
from pulse_blocks.protocol.problems import Problems

DEEPEST = 24
_UNFIT = re.compile(r"[\x00\ud800-\udfff]")


def parse(text: str, problems: Problems) -> Node | None:
    """The tree of a document; None where the text is no YAML at all, which is then among ``problems``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    builder = _Builder(problems)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            if not builder.take(event):
                return None
    except ReaderError as error:
        place = place_of(text[: error.position])
        problems.add_at(place, (), "bad_yaml", "A control character has no place in YAML.")
        return None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        problems.add_at(place, (), "bad_yaml", f"Not valid YAML: {reason}.")
        return None
    return builder.root


def place_of(before: str) -> tuple[int, int]:
    """Line and column (from 1) of what comes after ``before``."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Builder:
    """Puts events together. A mapping waits with its key until the value comes."""

    def __init__(self, problems: Problems) -> None:
        self.root: Node | None = None
        self._problems = problems
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Node | None] = []
        self._documents = 0

    def take(self, event: Any) -> bool:
        """Use one event; False where reading on makes no sense."""
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            return self._document(event)
        if kind in ("SequenceEndEvent", "MappingEndEvent"):
            self._keys.pop()
            self._attach(self._open.pop())
            return True
        if kind not in ("ScalarEvent", "AliasEvent", "SequenceStartEvent", "MappingStartEvent"):
            return True
        self._refuse_extras(event, kind)
        if kind == "AliasEvent":
            self._attach(Node(event, broken=True))
        elif kind == "ScalarEvent":
            self._attach(self._scalar(event))
        else:
            return self._nest(Sequence(event) if kind == "SequenceStartEvent" else Mapping(event))
        return True

    def _nest(self, node: Sequence | Mapping) -> bool:
        if len(self._open) >= DEEPEST:
            self._say(node, "too_deep", f"Nested deeper than {DEEPEST} levels.")
            return False
        self._open.append(node)
        self._keys.append(None)
        return True

    def _document(self, event: Any) -> bool:
        self._documents += 1
        if self._documents > 1:
            self._say(
                Node(event), "several_documents", "A second document begins here.", "One file, one protocol."
            )
        return self._documents == 1

    def _refuse_extras(self, event: Any, kind: str) -> None:
        node = Node(event)
        if kind == "AliasEvent" or event.anchor is not None:
            word = "alias" if kind == "AliasEvent" else "anchor"
            self._say(
                node, "alias", f"The {word} {event.anchor!s:.40} is not allowed.", "Write the value out."
            )
        if kind != "AliasEvent" and getattr(event, "tag", None) is not None:
            self._say(
                node,
                "tag",
                f"The tag {event.tag!s:.60} is not allowed.",
                "Write the value without it; text that looks like a number goes in quotes.",
            )

    def _scalar(self, event: Any) -> Node:
        scalar = Scalar(event)
        if _UNFIT.search(scalar.text):
            scalar.broken = True
            self._say(scalar, "bad_character", "A zero byte or half a character has no place here.")
        return scalar

    def _attach(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            parent.pairs.append((key, node))
            self._keys[-1] = None

    def _say(self, node: Node, code: str, message: str, hint: str | None = None) -> None:
        self._problems.add_at((node.line, node.column), (), code, message, hint)
