"""A model on its way to another workspace, and a kill: the same command again ends it, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from tests.several_workspaces import champions, move, versions
from tests.tiny_project import pulse

# One worker has them all: the model is trained once.
pytestmark = pytest.mark.xdist_group("across")


_KILLED = """
import os, signal, sys
from pathlib import Path
from pulse_blocks import promotion, settings
from pulse_blocks.ledger.ledger import Ledger
from pulse_blocks.stores.disk import DiskStore
from pulse_blocks.tracking import Tracking

root, to, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
owner, method, when, number = {
    "first file": (DiskStore, "put", "after", 1),
    "third file": (DiskStore, "put", "before", 3),
    "manifest": (DiskStore, "create", "after", 1),
    "bundle": (DiskStore, "create", "after", 2),
    "run opened": (Tracking, "open_run", "after", 1),
    "registered": (Tracking, "register", "after", 1),
    "first record": (Ledger, "finish_stage", "after", 1),
    "promoting": (Ledger, "promote", "before", 1),
    "promoted": (Ledger, "promote", "after", 1),
    "ending": (Ledger, "end", "before", 1),
}[step]
real, calls = getattr(owner, method), []

def killing(self, *args, **kwargs):
    calls.append(method)
    if when == "before" and len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(self, *args, **kwargs)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, method, killing)
here, there = (settings.load(root, {}, name) for name in ("dev", to))
promotion.transfer(here, there, "tiny", None, data="copy", reason="it is good", who="ann@desk")
"""
_LONG = [
    pytest.param(step, marks=pytest.mark.long)
    for step in ("first file", "third file", "manifest", "first record", "ending")
]


def killed(root: Path, to: str, step: str) -> None:
    """Promote as a process that kills itself at a step."""
    command = [sys.executable, "-c", _KILLED, str(root), to, step]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()


@pytest.mark.parametrize("step", ["bundle", "promoting", "promoted", *_LONG])
def test_killed_on_the_way(root: Path, step: str) -> None:
    """The same again ends it: one promotion, one arrival, and everything holds."""
    killed(root, "near", step)
    near = settings.load(root, {}, "near")
    assert len(champions(near)) == (1 if step in ("promoted", "ending") else 0)
    assert move(root, "near").moved
    with open_ledger(near.ledger) as ledger:
        assert len(ledger.promotions("tiny")) == 1
        assert len(ledger.stage_rows("tiny@", "arrive")) == 1
        assert [one.action for one in ledger.audit_rows()] == ["model.promote"]
        assert [one.state for one in ledger.newest_attempts()] == ["completed"]
    assert pulse(root, "audit", "verify", "--workspace", "near").returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("step", ["run opened", "registered"])
def test_killed_while_it_is_registered(root: Path, step: str) -> None:
    """One run and one version in the target's MLflow, whatever the first try had made of it."""
    killed(root, "prod", step)
    prod = settings.load(root, {}, "prod")
    done = move(root, "prod")
    assert champions(prod) == [done.model]
    assert versions(prod) == [(done.model, "dev")]
