"""What a scoring holds in memory does not grow with its rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scored_rows import rows, scoring_workspace
from tests.tiny_project import ROOT

# Parts of 4,096 rows instead of eight times as many, so that ten of them are quickly scored.
SCRIPT = """
import re, sys
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.scoring import begin, parts, running

running.PART_ROWS = parts.PART_ROWS = 4096
begin(settings.load(Path(sys.argv[1]), {}), "parcels").run()
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(root: Path, parts: int) -> int:
    """The most memory, in MiB, that a process takes to score so many parts."""
    root.mkdir()
    workspace = scoring_workspace(root, rows(4096 * parts))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, workspace.root], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(done.stdout) // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_ten_times_the_rows_take_the_same_memory(tmp_path: Path) -> None:
    """A part is let go before the next one but one: the rows of all twenty would be 120 MiB."""
    assert peak(tmp_path / "many", 20) < peak(tmp_path / "few", 2) + 40
