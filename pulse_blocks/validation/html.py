"""A validation report as one HTML file: no script, nothing loaded from elsewhere, all data escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from pulse_blocks.validation.markdown import summary
from pulse_blocks.validation.report import Example, Report, RuleResult, TableResult

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    ":root{color-scheme:light dark}table{border-collapse:collapse;width:100%;margin-bottom:1rem}"
    "th,td{text-align:left;padding:.3rem .8rem .3rem 0;vertical-align:top;border-bottom:1px solid #8884}"
    "td.n,th.n{text-align:right}code{font:14px/1.4 ui-monospace,monospace;overflow-wrap:anywhere}"
)


def report_html(report: Report) -> str:
    """Every rule that some row breaks, with all its examples; every rule on the table; the rules that hold."""
    title = escape(f"Validation of {report.snapshot}")
    protocol = escape(f"{report.protocol.name} {report.protocol.version}")
    parts = [f"<h1>{title}</h1>", f"<p>By the protocol {protocol}. {escape(summary(report))}</p>"]
    if report.broken:
        parts.append(f"<h2>Rules that rows break</h2>{_broken(report.broken)}")
    if report.checks:
        parts.append(f"<h2>Rules on the table</h2>{_checks(report.checks)}")
    holding = [rule for rule in report.rules if not rule.rows]
    if holding:
        parts.append(f"<h2>Rules that every row keeps</h2>{_holding(holding)}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"</head><body>{''.join(parts)}</body></html>\n"
    )


def _broken(rules: Iterable[RuleResult]) -> str:
    head = "<tr><th>Column</th><th>Rule</th><th>Severity</th><th class=n>Rows</th><th>Examples</th></tr>"
    body = "".join(
        f"<tr><td>{_code(rule.column)}</td><td>{_code(rule.check)}</td><td>{rule.severity}</td>"
        f"<td class=n>{rule.rows:,}</td><td>{'<br>'.join(map(_example, rule.examples))}</td></tr>"
        for rule in rules
    )
    return f"<table>{head}{body}</table>"


def _example(example: Example) -> str:
    named = ", ".join(f"{name}={_value(value)}" for name, value in example.key.items())
    where = f"row {example.row:,}" + (f" ({named})" if named else "")
    return f"{_code(_value(example.value))} in {escape(where)}"


def _value(value: str | None) -> str:
    return "null" if value is None else value


def _checks(checks: Iterable[TableResult]) -> str:
    body = "".join(
        f"<tr><td>{_code(check.check)}</td><td>{check.severity}</td>"
        f"<td>{'holds' if check.passed else 'does not hold'}</td><td>{escape(check.message)}</td></tr>"
        for check in checks
    )
    return f"<table><tr><th>Rule</th><th>Severity</th><th>Result</th><th>Found</th></tr>{body}</table>"


def _holding(rules: Iterable[RuleResult]) -> str:
    body = "".join(f"<tr><td>{_code(rule.column)}</td><td>{_code(rule.check)}</td></tr>" for rule in rules)
    return f"<table><tr><th>Column</th><th>Rule</th></tr>{body}</table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
