"""A trace as text: the tree that ``pulse lineage`` prints.

Numbers: metrics with four decimals, counts with thousands separators, hashes cut to 8 hex digits for a snapshot
and 6 for input and output. Durations: ``3.2s`` below a minute, then ``4m 32s``, from an hour on ``1h 4m 32s``.
Ids are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pulse_blocks.lineage.node import Node

_TITLES = {"inference": "Inference", "model": "Model", "run": "Training Run", "snapshot": "Snapshot"}
# A line and the lines below it.
Branch = tuple[str, list["Branch"]]


def render(node: Node) -> str:
    """The tree, without a trailing newline."""
    title, below = _branch(node)
    return "\n".join((title, *_lines(below, "")))


def duration(seconds: float) -> str:
    """``3.2s``, ``4m 32s``, ``1h 4m 32s``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes}m {rest}s" if hours else f"{minutes}m {rest}s"


def _lines(branches: list[Branch], indent: str) -> Iterator[str]:
    for number, (title, below) in enumerate(branches, 1):
        last = number == len(branches)
        yield f"{indent}{'└── ' if last else '├── '}{title}"
        yield from _lines(below, indent + ("    " if last else "│   "))


def _branch(node: Node) -> Branch:
    """A thing with its facts in front of what is below it; an inference has its hashes behind."""
    below = [_branch(child) for child in node.children]
    own = list(_facts(node.kind, node.facts))
    if missing := node.facts.get("missing"):
        own.append((f"Missing: {missing}", []))
    parts = below + own if node.kind == "inference" else own + below
    return f"{_TITLES[node.kind]}: {node.id}", parts


def _facts(kind: str, facts: dict[str, Any]) -> Iterator[Branch]:
    for key, (label, shown) in _SHOWN[kind].items():
        if key in facts:
            yield shown(label, facts[key])


def _as_it_is(label: str, value: Any) -> Branch:
    return f"{label}: {value}", []


def _count(label: str, value: int) -> Branch:
    return f"{label}: {value:,}", []


def _duration(label: str, value: float) -> Branch:
    return f"{label}: {duration(value)}", []


def _metrics(label: str, value: dict[str, float]) -> Branch:
    return f"{label}:", [(f"{name}: {number:.4f}", []) for name, number in value.items()]


def _short_hash(label: str, value: str) -> Branch:
    return f"{label}: {value[: len('sha256:') + 8]}...", []


def _shorter_hash(label: str, value: str) -> Branch:
    return f"{label}: {value[: len('sha256:') + 6]}...", []


_SHOWN: dict[str, dict[str, tuple[str, Any]]] = {
    "inference": {
        "input_hash": ("Input Hash", _shorter_hash),
        "output_hash": ("Output Hash", _shorter_hash),
    },
    "model": {"inferences": ("Inferences", _count)},
    "run": {
        "started": ("Started", _as_it_is),
        "seconds": ("Duration", _duration),
        "metrics": ("Metrics", _metrics),
    },
    "snapshot": {
        "datasource": ("Datasource", _as_it_is),
        "created": ("Created", _as_it_is),
        "rows": ("Rows", _count),
        "hash": ("Hash", _short_hash),
    },
}
