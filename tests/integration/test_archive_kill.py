"""Archiving is killed at every step: each inference is in the ledger or in an archive, and the next run ends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks import archive, settings
from pulse_blocks.archive import moving
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests.old_inferences import NOW, old

# Each process archives in files of 50 rows and kills itself at one step of the second file.
_PROCESS = """
import os, signal, sys
from pulse_blocks import settings
from pulse_blocks.archive import moving
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.sqlite import _Transaction
from pulse_blocks.stores import open_store
from tests.old_inferences import NOW

moving.FILE_ROWS = 50
step, times = sys.argv[2], 0
workspace = settings.load(__import__("pathlib").Path(sys.argv[1]), environ={})
store = open_store(workspace.store)

def die_at(owner, method, before=False, like=""):
    real = getattr(owner, method)
    def killing(self, *args, **kwargs):
        global times
        counts = like in str(args)
        times += counts
        if before and counts and times == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(self, *args, **kwargs)
        if counts and times == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, method, killing)

with open_ledger(workspace.ledger) as ledger:
    match step:
        case "before put": die_at(type(store), "put", before=True)
        case "after put": die_at(type(store), "put")
        case "file named": die_at(_Transaction, "execute", like="insert into inference_files")
        case "rows deleted": die_at(_Transaction, "execute", like="delete from inferences")
        case "committed": die_at(type(ledger), "move")
    moving.move(ledger, store, "tiny", NOW)
"""


@pytest.fixture
def filled(tmp_path: Path) -> Workspace:
    """A workspace with old inferences of two days."""
    workspace = settings.load(tmp_path, environ={})
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        ledger.append([*old(130, 100), *old(60, 99)])
    return workspace


def where(workspace: Workspace) -> tuple[list[str], list[str]]:
    """The ids in the ledger, and those in archives."""
    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        files = list(ledger.inference_files())
        archived = [one.id for file in files for one in archive.inferences(store, file)]
        return [one.id for one in ledger.each_inference()], archived


@pytest.mark.parametrize("step", ["before put", "after put", "file named", "rows deleted", "committed"])
def test_killed_at_a_step(filled: Workspace, step: str) -> None:
    """Killed there, each inference is in exactly one place; run again, all are archived, once."""
    made = sorted(row[0] for row in [*old(130, 100), *old(60, 99)])
    killed = subprocess.run(
        [sys.executable, "-c", _PROCESS, filled.root, step], capture_output=True, timeout=60, check=False
    )
    assert killed.returncode == -9, killed.stderr.decode()
    live, archived = where(filled)
    assert sorted([*live, *archived]) == made
    assert len(archived) == (100 if step == "committed" else 50)
    with open_ledger(filled.ledger) as ledger:
        assert moving.move(ledger, open_store(filled.store), "tiny", NOW).rows == len(live)
    assert where(filled)[0] == []
    assert sorted(where(filled)[1]) == made
