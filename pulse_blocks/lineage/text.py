"""A trace as text: the tree that ``pulse lineage`` prints.

Numbers: metrics with four decimals, counts with thousands separators, hashes cut to 8 hex digits for a snapshot
and 6 for input and output. Durations: ``3.2s`` below a minute, then ``4m 32s``, from an hour on ``1h 4m 32s``.
Ids are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pulse_blocks.lineage.node import Node

TITLES = {
    "inference": "Inference",
    "model": "Model",
    "run": "Training Run",
    "snapshot": "Snapshot",
    "datasource": "Datasource",
    "champion": "Champion",
    "rows": "Rows where",
    "scoring": "Scoring",
    "drift": "Drift Check",
    "regression": "Regression",
    "restore": "Restore",
    "rollback": "Rollback",
}
# Of a long list; --json has all.
_SHOWN_LINES = 5
# A line and the lines below it.
Branch = tuple[str, list["Branch"]]


def render(node: Node) -> str:
    """The tree, without a trailing newline."""
    title, below = branch(node)
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


def branch(node: Node) -> Branch:
    """A thing with its facts in front of what is below it; an inference has its hashes behind."""
    below = [branch(child) for child in node.children]
    own = facts(node)
    if missing := node.facts.get("missing"):
        own.append((f"Missing: {missing}", []))
    parts = below + own if node.kind == "inference" else own + below
    return f"{TITLES[node.kind]}: {node.id}", parts


def facts(node: Node) -> list[Branch]:
    """What is told of a thing itself, without what is below it and what is missing."""
    return list(_facts(node.kind, node.facts))


def _facts(kind: str, facts: dict[str, Any]) -> Iterator[Branch]:
    for key, (label, shown) in {**_SHOWN[kind], "standing": ("Standing on it", _standing)}.items():
        if facts.get(key) is not None:
            yield shown(label, facts[key])


def _rounded(label: str, value: float) -> Branch:
    return f"{label}: {value:.4f}", []


def _as_it_is(label: str, value: Any) -> Branch:
    return f"{label}: {value}", []


def _json(label: str, value: Any) -> Branch:
    return f"{label}: {msgspec.json.encode(value).decode()}", []


def _count(label: str, value: int) -> Branch:
    return f"{label}: {value:,}", []


def _duration(label: str, value: float) -> Branch:
    return f"{label}: {duration(value)}", []


def count_of(many: int, what: str) -> str:
    """``1 row``, ``1,204,113 rows``."""
    return f"{many:,} {what}{'' if many == 1 else 's'}"


def _standing(label: str, value: dict[str, Any]) -> Branch:
    told = [count_of(value[f"{what}s"], what) for what in ("model", "inference") if f"{what}s" in value]
    if value["live_since"]:
        told.append(f"live since {value['live_since']}")
    return f"{label}: {', '.join(told)}", []


def _lines_of(label: str, value: list[str]) -> Branch:
    more = [f"and {len(value) - _SHOWN_LINES:,} more"] if len(value) > _SHOWN_LINES else []
    return f"{label}:", [(line, []) for line in (*value[:_SHOWN_LINES], *more)]


def _metrics(label: str, value: dict[str, float]) -> Branch:
    return f"{label}:", [(f"{name}: {number:.4f}", []) for name, number in value.items()]


def _archived(label: str, value: dict[str, str]) -> Branch:
    return f"{label}: {value['at']} in {value['file']}", []


def _arrived(label: str, value: dict[str, Any]) -> Branch:
    more = [("Reason", "reason"), ("Ledger There", "ledger"), ("Asked For There By", "cause")]
    below: list[Branch] = [(f"{name}: {value[key]}", []) for name, key in more if value[key]]
    return f"{label}: {' → '.join(value['from'])} at {value['at']} by {value['who']}", below


def _short_hash(label: str, value: str) -> Branch:
    return f"{label}: {value[: len('sha256:') + 8]}...", []


def _shorter_hash(label: str, value: str) -> Branch:
    return f"{label}: {value[: len('sha256:') + 6]}...", []


_SHOWN: dict[str, dict[str, tuple[str, Any]]] = {
    "inference": {
        "input_hash": ("Input Hash", _shorter_hash),
        "output_hash": ("Output Hash", _shorter_hash),
        "label": ("Label", _json),
        "archived": ("Archived", _archived),
    },
    "model": {
        "arrived": ("Promoted From", _arrived),
        "threshold": ("Decides Yes From", _rounded),
        "inferences": ("Inferences", _count),
    },
    "run": {
        "started": ("Started", _as_it_is),
        "seconds": ("Duration", _duration),
        "metrics": ("Metrics", _metrics),
        "refused": ("Refused", _as_it_is),
        "restored": ("Restored Data", _as_it_is),
    },
    "snapshot": {
        "datasource": ("Datasource", _as_it_is),
        "created": ("Created", _as_it_is),
        "rows": ("Rows", _count),
        "hash": ("Hash", _short_hash),
        "kept": ("Kept", _as_it_is),
        "matching": ("Matching Rows", _count),
        "quarantined": ("In Quarantine", _count),
        "chunks": ("In Chunks", _lines_of),
    },
    "datasource": {"snapshots": ("Snapshots", _count)},
    "champion": {
        "since": ("Since", _as_it_is),
        "until": ("Until", _as_it_is),
        "reason": ("Reason", _as_it_is),
        "who": ("By", _as_it_is),
        "previous": ("Before", _as_it_is),
    },
    "scoring": {
        "started": ("Started", _as_it_is),
        "seconds": ("Duration", _duration),
        "datasource": ("Datasource", _as_it_is),
        "window": ("Window", _as_it_is),
        "predictions": ("Predictions", _count),
        "refused": ("Refused Rows", _count),
        "files": ("Files", _lines_of),
    },
    "drift": {
        "time": ("Time", _as_it_is),
        "judged": ("Judged", _as_it_is),
        "verdict": ("Verdict", _as_it_is),
        "rows": ("Rows", _count),
        "window": ("Window", _as_it_is),
        "report": ("Report", _as_it_is),
        "rollback": ("Rollback", _as_it_is),
    },
    "regression": {
        "time": ("Time", _as_it_is),
        "judged": ("Judged", _as_it_is),
        "reason": ("Reason", _as_it_is),
        "previous": ("Before", _as_it_is),
        "rollback": ("Rollback", _as_it_is),
    },
    "rollback": {
        "time": ("Time", _as_it_is),
        "name": ("Of", _as_it_is),
        "instead_of": ("Instead Of", _as_it_is),
        "reason": ("Reason", _as_it_is),
        "who": ("By", _as_it_is),
    },
    "restore": {
        "time": ("Time", _as_it_is),
        "name": ("Of", _as_it_is),
        "who": ("By", _as_it_is),
    },
    "rows": {
        "matching": ("Matching Rows", _count),
        "chunks": ("Chunks", _count),
        "snapshots": ("Snapshots", _count),
        "problems": ("Missing", _lines_of),
    },
}
