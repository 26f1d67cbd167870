"""The table of what was broken and how it ended: printed after the tests, for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Tell = Callable[[str, str, str], None]
_LINES = pytest.StashKey[list[tuple[str, str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """An empty table."""
    config.stash[_LINES] = []


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Add a line to the table: what was done, how often, how it ended."""
    lines = request.config.stash[_LINES]
    return lambda what, times, ended: lines.append((what, times, ended))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table as Markdown."""
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.write_sep("=", "what was broken")
        terminalreporter.write_line("| what was done | how often | how it ended |")
        terminalreporter.write_line("|:--|:--|:--|")
        for line in sorted(lines):
            terminalreporter.write_line(f"| {' | '.join(line)} |")
