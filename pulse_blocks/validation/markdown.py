"""A validation report as Markdown for people: at most five columns, rounded numbers."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_blocks.validation.report import Report, RuleResult


def report_markdown(report: Report) -> str:
    """What was found, as a heading, a sentence and up to two tables."""
    lines = [f"## Validation of {report.snapshot}", "", summary(report), ""]
    if report.broken:
        lines += ["| column | rule | severity | rows | example |", "|---|---|---|---:|---|"]
        lines += [_rule(rule) for rule in report.broken]
        lines.append("")
    lines += _checks(report)
    return "\n".join(lines).rstrip() + "\n"


def summary(report: Report) -> str:
    """What was checked and how it came out, in a sentence."""
    accepted = report.rows - report.quarantined
    checked = f"{len(report.rules) + len(report.checks)} rules on {report.rows:,} rows"
    if not report.quarantined:
        return f"{checked}: all rows accepted."
    return f"{checked}: {accepted:,} accepted, {report.quarantined:,} in quarantine ({report.allowed:,} allowed)."


def _rule(rule: RuleResult) -> str:
    example = rule.examples[0] if rule.examples else None
    shown = f"row {example.row:,}: {'null' if example.value is None else example.value}" if example else ""
    cells = (rule.column, rule.check, rule.severity, f"{rule.rows:,}", _cut(shown))
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _checks(report: Report) -> Iterator[str]:
    if report.checks:
        yield from ("| table check | severity | result |", "|---|---|---|")
    for check in report.checks:
        result = "holds" if check.passed else "does not hold"
        yield f"| {_cell(check.check)} | {check.severity} | {result}: {_cell(check.message)} |"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _cell(text: str) -> str:
    """Data in a table cell must not end the cell, the row, or become markup."""
    return (
        text.replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("`", "'")
        .replace("\n", " ")
        .replace("<", "&lt;")
    )
