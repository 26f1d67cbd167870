"""The runtime as a process among others."""

from __future__ import annotations

from pulse_blocks.settings import Workspace
from tests.runtime_kill import check_traceable, kill_under_load
from tests.served_models import train_and_promote


def test_killed_under_load_it_owes_no_row(workspace: Workspace) -> None:
    """SIGKILL while clients are served: every id that a client received is in the ledger, hashes right."""
    train_and_promote(workspace)
    received = kill_under_load(workspace, seed=1)
    assert received
    check_traceable(workspace, received)
