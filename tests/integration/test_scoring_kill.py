"""A scoring that is killed: nothing of it is visible, and run again it ends as one scoring."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.audit import files as audit_files
from pulse_blocks.lineage.audit.finding import Tally
from pulse_blocks.lineage.node import Places
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.scored_rows import rows, scoring_workspace, write_rows
from tests.tiny_project import ROOT

COUNT, PART = 1000, 64

# A process that scores in small parts and kills itself, for real, at the moment that its arguments name: when so many
# parts' records are written (the files of one more are in the store then), or when the scoring is about to be, or has
# just been, recorded.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.ledger import Ledger
from pulse_blocks.scoring import begin, parts, running

root, moment, part_rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
running.PART_ROWS = parts.PART_ROWS = part_rows
finish_stage, keep_scoring, left = Ledger.finish_stage, Ledger.keep_scoring, [moment]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def finish(self, *rest):
    if left[0].isdigit():
        if left[0] == "0":
            die()
        left[0] = str(int(left[0]) - 1)
    finish_stage(self, *rest)

def keep(self, *rest):
    if moment == "before":
        die()
    found = keep_scoring(self, *rest)
    if moment == "after":
        die()
    return found

Ledger.finish_stage, Ledger.keep_scoring = finish, keep
run = begin(settings.load(Path(root), {}), "parcels")
print(run.parts_before, run.run().scoring)
"""


def score(workspace: Workspace, moment: str = "never") -> subprocess.CompletedProcess[str]:
    """The script as a process."""
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, workspace.root, moment, str(PART)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def check_one_whole_scoring(workspace: Workspace) -> None:
    """One scoring, every row in it once, every file as the ledger says."""
    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        (scoring,) = ledger.scorings("parcels")
        keys = [file.key for file in ledger.inference_files()]
        tally = Tally()
        assert list(audit_files.check(Places(ledger=ledger, store=store), tally)) == []
    assert tally["inferences"] == scoring.rows == COUNT
    found = pl.concat([pl.read_parquet(Path(workspace.store) / key) for key in keys])
    assert found["source_key"].n_unique() == COUNT
    assert found["id"].n_unique() == COUNT
    assert trace(workspace, str(found["id"][7])).children[1].id == scoring.id


@pytest.mark.parametrize("moment", ["7", "before", "after"])
def test_killed_and_run_again(tmp_path: Path, moment: str) -> None:
    """After SIGKILL nothing is half visible; the next call keeps the parts that were finished."""
    workspace = scoring_workspace(tmp_path, rows(COUNT))
    killed = score(workspace, moment)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    if moment != "after":
        with open_ledger(workspace.ledger) as ledger:
            assert ledger.scorings("parcels") == []
            assert list(ledger.inference_files()) == []
    again = score(workspace)
    assert again.returncode == 0, again.stderr
    parts = (COUNT + PART - 1) // PART
    assert again.stdout.split()[0] == str(int(moment) if moment.isdigit() else parts)
    check_one_whole_scoring(workspace)


def test_rows_that_changed_meanwhile_are_scored_anew(tmp_path: Path) -> None:
    """What was finished before the kill counts only where its rows are still the same."""
    found = rows(COUNT)
    workspace = scoring_workspace(tmp_path, found)
    assert score(workspace, "9").returncode == -signal.SIGKILL
    for row in found:
        if row["sent"].startswith("2026-01-03"):
            row["weight"] = 33.25
    write_rows(tmp_path / ".pulse" / "parcels.db", found)
    assert score(workspace).returncode == 0
    check_one_whole_scoring(workspace)
    with open_ledger(workspace.ledger) as ledger:
        keys = [file.key for file in ledger.inference_files()]
    inputs = pl.concat([pl.read_parquet(Path(workspace.store) / key) for key in keys])["input"]
    assert inputs.str.contains('"weight":33.25,').sum() == sum(row["weight"] == 33.25 for row in found)
