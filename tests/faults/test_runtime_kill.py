"""No reply without its row: the runtime is killed under load, again and again."""

from __future__ import annotations

import os

import pytest

from pulse_blocks.settings import Workspace
from tests.runtime_kill import check_traceable, kill_under_load
from tests.served_models import train_and_promote

REPEATS = {"full": 100, "short": 10}[os.environ.get("PULSE_FAULTS", "short")]


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_every_id_survives_kill_9(any_ledger: Workspace) -> None:
    """After each SIGKILL every inference id that any client received is traceable, hashes right."""
    train_and_promote(any_ledger)
    received = 0
    for seed in range(REPEATS):
        got = kill_under_load(any_ledger, seed)
        check_traceable(any_ledger, got)
        received += len(got)
    assert received > 50 * REPEATS
