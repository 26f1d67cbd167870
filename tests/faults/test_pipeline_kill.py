"""kill -9 at random moments of the six stages, then the same command again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.killed_runs import check_whole, run
from tests.prefect_server import Server
from tests.tiny_project import environment, make_project

ROUNDS = 30 if os.environ.get("PULSE_FAULTS") == "full" else 3


@pytest.mark.faults
@pytest.mark.timeout(3600)
def test_killed_at_any_moment(server: Server, tmp_path: Path, tell: Callable[[str, str, str], None]) -> None:
    """Whenever the process dies: the same command ends with one snapshot, one model version, one promotion."""
    draw = random.Random(20260115)  # noqa: S311  moments, not secrets
    died = 0
    for number in range(ROUNDS):
        folder = make_project(tmp_path / f"project-{number}")
        process = subprocess.Popen(
            [sys.executable, "-m", "pulse_blocks", "run", "tiny", "--json"],
            cwd=folder,
            env=environment(folder, **server.env),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ledger = folder / ".pulse" / "ledger.db"
        while not ledger.exists() and process.poll() is None:
            time.sleep(0.01)  # before this nothing is written that could be left half done
        time.sleep(draw.uniform(0, 9))
        process.send_signal(signal.SIGKILL)
        died += process.wait(30) == -signal.SIGKILL
        again = run(folder, server)
        assert again.returncode == 0, again.stderr
        check_whole(folder, json.loads(again.stdout))
    assert died > 0
    tell("`kill -9` of a whole run", f"{ROUNDS} times", "each run again: one of everything")
