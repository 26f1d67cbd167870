"""A model card as Markdown; pictures are inside as data URIs, so that it is one file."""

from __future__ import annotations

import base64
from collections.abc import Iterable

from pulse_blocks.training.card.facts import Card, Drawing
from pulse_blocks.training.gates import CHAMPION


def markdown(card: Card) -> str:
    """The whole card."""
    parts = [f"# {_plain(card.model)}"]
    if card.description:
        parts.append(_plain(card.description))
    parts += [_table(card.facts), "## On the held-out part", _table(metric_rows(card))]
    if card.uncalibrated:
        parts += ["## Before and after calibration", _table(calibration_rows(card))]
    if card.gates:
        parts += ["## Gates", _table(gate_rows(card))]
    return "\n\n".join((*parts, drawn(card.drawing))) + "\n"


def drawn(drawing: Drawing) -> str:
    """The pictures, each below its title."""
    from pulse_blocks.training.card.plots import pictures

    return "\n\n".join(f"## {title}\n\n![{title}]({data_uri(png)})" for title, png in pictures(drawing))


def metric_rows(card: Card) -> list[tuple[str, str]]:
    """Each metric with its bounds (95 %, bootstrap)."""
    return [(name, f"{value:.4f}{_bounds(card, name)}") for name, value in card.metrics.items()]


def calibration_rows(card: Card) -> list[tuple[str, str]]:
    """Each metric of the held-out part without calibration, and with it."""
    return [(name, f"{before:.4f} → {after:.4f}") for name, (before, after) in card.uncalibrated.items()]


def gate_rows(card: Card) -> list[tuple[str, str]]:
    """Each gate: what is asked, and whether it holds."""
    rows = []
    for gate in card.gates:
        asked = "against the champion" if gate.condition == CHAMPION else gate.condition.replace("_", " ")
        verdict = "holds" if gate.passed else "missed"
        rows.append((f"{gate.metric} {asked}", f"{gate.value:.4f}, bound {gate.bound:.4f}: {verdict}"))
    return rows


def data_uri(png: bytes) -> str:
    """A picture as text that a browser shows."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _bounds(card: Card, name: str) -> str:
    low, high = card.intervals.get(name, (None, None))
    return "" if low is None or high is None else f" ({low:.4f} to {high:.4f})"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "\n".join(f"| {_plain(name)} | {_plain(text)} |" for name, text in rows)
    return f"| | |\n|:--|:--|\n{body}"


def _plain(text: str) -> str:
    """Text of a protocol cannot break the table or bring tags of its own."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(escaped.split())
