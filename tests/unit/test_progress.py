"""Progress: told to whoever listens, and to nobody else."""

from __future__ import annotations

import pytest

from pulse_blocks import progress
from pulse_blocks.progress import Progress


def test_a_listener_hears_all_reports_until_its_block_ends() -> None:
    """Reports before and after the block must not arrive."""
    heard: list[Progress] = []
    progress.report("ingest", 1)
    with progress.listening(heard.append):
        progress.report("ingest", 2, 10, "rows")
    progress.report("ingest", 3)
    assert heard == [Progress("ingest", 2, 10, "rows")]


def test_several_listeners_hear_the_same() -> None:
    """A terminal and an artifact may listen at once; one that leaves does not silence the other."""
    one: list[Progress] = []
    other: list[Progress] = []
    with progress.listening(one.append):
        with progress.listening(other.append):
            progress.report("train", 1)
        progress.report("train", 2)
    assert [report.done for report in one] == [1, 2]
    assert [report.done for report in other] == [1]


def test_a_listener_is_let_go_when_its_block_raises() -> None:
    """A failed stage must not leave a listener behind."""
    heard: list[Progress] = []
    with pytest.raises(ZeroDivisionError), progress.listening(heard.append):
        raise ZeroDivisionError
    progress.report("train", 1)
    assert heard == []
