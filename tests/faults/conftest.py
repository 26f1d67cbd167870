"""The table of what was broken and how it ended: printed after the tests, for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Tell = Callable[[str, str, str], None]
_LINE = "broken"


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Add a line to the table: what was done, how often, how it ended."""
    # Properties travel with a test's report, also from another process of pytest-xdist.
    properties = request.node.user_properties
    return lambda what, times, ended: properties.append((_LINE, (what, times, ended)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table as Markdown."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    told = [line for report in reports for name, line in report.user_properties if name == _LINE]
    if told:
        terminalreporter.write_sep("=", "what was broken")
        terminalreporter.write_line("| what was done | how often | how it ended |")
        terminalreporter.write_line("|:--|:--|:--|")
        for line in sorted(tuple(line) for line in told):
            terminalreporter.write_line(f"| {' | '.join(line)} |")
