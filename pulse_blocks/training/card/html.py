"""A model card as one HTML file: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pulse_blocks.training.card.facts import Card
from pulse_blocks.training.card.markdown import calibration_rows, data_uri, gate_rows, metric_rows

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#111827}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
    "th{font-weight:600;color:#374151}figure{display:inline-block;margin:0 1rem 1rem 0}"
    "figcaption{font-weight:600}img{max-width:100%}"
)


def html(card: Card) -> str:
    """The whole card."""
    from pulse_blocks.training.card.plots import pictures

    figures = "".join(
        f'<figure><figcaption>{escape(title)}</figcaption><img alt="{escape(title)}" src="{data_uri(png)}"></figure>'
        for title, png in pictures(card.drawing)
    )
    changed = ""
    if card.uncalibrated:
        changed = f"<h2>Before and after calibration</h2>{_table(calibration_rows(card))}"
    gates = f"<h2>Gates</h2>{_table(gate_rows(card))}" if card.gates else ""
    title = escape(card.model)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body><h1>{title}</h1><p>{escape(card.description)}</p>{_table(card.facts)}"
        f"<h2>On the held-out part</h2>{_table(metric_rows(card))}{changed}{gates}{figures}</body></html>\n"
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table>{body}</table>"
