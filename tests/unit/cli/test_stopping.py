"""What a service has started ends with it, also what has left its process group."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pulse_blocks.cli.services import stop_group
from tests.waiting import until

# Starts a process in a session of its own, as a worker does with a flow run, tells its id, and waits.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
"""


def test_a_child_in_a_session_of_its_own_ends_too() -> None:
    """Stopping the parent leaves nothing of it behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout
    child = Path(f"/proc/{int(parent.stdout.readline())}")
    assert child.exists()
    stop_group(parent.pid, lambda: parent.poll() is not None)
    parent.communicate()
    assert until(lambda: not child.exists() or "State:\tZ" in (child / "status").read_text(), 5)
