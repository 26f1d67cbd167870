"""A report as Markdown."""

from __future__ import annotations

from pulse_blocks.records import ProtocolRef
from pulse_blocks.validation.markdown import report_markdown
from pulse_blocks.validation.report import Example, Report, RuleResult, TableResult


def report(**changes: object) -> Report:
    facts = {
        "snapshot": "snap_9f2c41ab77e0",
        "protocol": ProtocolRef(name="small", version="1.0.0", digest="d"),
        "rows": 1000,
        "quarantined": 0,
        "allowed": 10,
        "rules": (RuleResult(column="weight", check="ge 0", severity="error", rows=0),),
        "checks": (),
    }
    return Report(**{**facts, **changes})  # type: ignore[arg-type]


def test_all_accepted() -> None:
    """Without findings there is a sentence and no table."""
    assert report_markdown(report()) == (
        "## Validation of snap_9f2c41ab77e0\n\n1 rules on 1,000 rows: all rows accepted.\n"
    )


def test_findings_are_tables() -> None:
    """Broken rules come first, the most broken on top, in at most five columns, with one example."""
    rules = (
        RuleResult(column="weight", check="ge 0", severity="error", rows=1),
        RuleResult(
            column="label",
            check="pattern a|b",
            severity="error",
            rows=1200,
            examples=(Example(row=5, key={}, value="<x>|`\n"),),
        ),
    )
    checks = (TableResult(check="rows", severity="warn", passed=False, message="Few."),)
    text = report_markdown(report(quarantined=1, rules=rules, checks=checks))
    lines = text.splitlines()
    assert "| label | pattern a\\|b | error | 1,200 | row 5: &lt;x>\\|'  |" in lines
    assert lines.index("| weight | ge 0 | error | 1 |  |") > lines.index(
        "| label | pattern a\\|b | error | 1,200 | row 5: &lt;x>\\|'  |"
    )
    assert "| rows | warn | does not hold: Few. |" in lines
