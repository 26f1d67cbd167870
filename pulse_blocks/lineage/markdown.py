"""A trace as Markdown: for a Prefect artifact, an issue, a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pulse_blocks.lineage.node import Node
from pulse_blocks.lineage.text import TITLES, Branch, branch

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")
_THINGS = tuple(f"{title}: " for title in TITLES.values())


def render(node: Node) -> str:
    """Nested lists, ids as code, without a trailing newline."""
    return "\n".join(_lines(branch(node), 0))


def _lines(one: Branch, depth: int) -> Iterator[str]:
    title, below = one
    yield f"{'  ' * depth}- {_title(title)}"
    for inner in below:
        yield from _lines(inner, depth + 1)


def _title(title: str) -> str:
    label, colon, value = title.partition(": ")
    if title.startswith(_THINGS):
        return f"**{label}** {_code(value)}"
    return _escaped(label) + colon + _escaped(value)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _code(text: str) -> str:
    """A code span that holds any text: its fence is longer than every run of backticks in it."""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
