"""``/docs``: one page without any script about what the runtime accepts."""

from __future__ import annotations

import html

from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.openapi import about

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Pulse inference runtime</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; width: 100%; }}
td, th {{ text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; vertical-align: top; }}
code, pre {{ font: 14px/1.4 ui-monospace, monospace; }}
pre {{ background: #8881; padding: 1rem; overflow-x: auto; }}
:root {{ color-scheme: light dark; }}
</style></head><body>
<h1>Pulse inference runtime</h1>
<p>Every reply carries an <code>inference_id</code>: <code>pulse lineage ID</code> tells where it comes from.
Machine-readable: <a href="/openapi.json">/openapi.json</a>. Also here: <a href="/readyz">/readyz</a>,
<a href="/healthz">/healthz</a>, <a href="/metrics">/metrics</a>.</p>
{models}
</body></html>
"""


def page(models: list[Model]) -> str:
    """One HTML page about the served models; it loads nothing from anywhere."""
    return _PAGE.format(models="\n".join(_section(model) for model in models))


def _section(model: Model) -> str:
    rows = "\n".join(
        f"<tr><td><code>{html.escape(column.name)}</code></td><td>{html.escape(_rule(column.field))}</td>"
        f"<td>{html.escape(about(column.field))}</td></tr>"
        for column in request_columns(model.protocol)
    )
    return (
        f"<h2><code>POST /predict/{html.escape(model.name)}</code></h2>\n"
        f"<p>{html.escape(model.protocol.description)} Serving <code>{html.escape(model.id)}</code>.</p>\n"
        "<p>Send one record as a JSON object, many as <code>{&quot;instances&quot;: [...]}</code> or"
        " <code>{&quot;columns&quot;: {...}}</code>.</p>\n"
        f"<table><tr><th>Field</th><th>May hold</th><th>About</th></tr>\n{rows}\n</table>"
    )


def _rule(field: FieldSpec) -> str:
    parts: list[str] = [field.type]
    for word, bound in (("≥", field.ge), (">", field.gt), ("≤", field.le), ("<", field.lt)):
        if bound is not None:
            parts.append(f"{word} {bound}")
    if field.values:
        parts.append("one of " + ", ".join(str(value) for value in field.values))
    if field.pattern:
        parts.append(f"like {field.pattern}")
    if field.nullable:
        parts.append("or null")
    return ", ".join(parts)
