"""Resuming what a killed process had begun, with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.owner import Owner, is_alive, this_process
from pulse_blocks.ledger.sqlite import connect

BEGIN = """
import sys, time
from pulse_blocks.ledger import open_ledger
ledger = open_ledger(sys.argv[1])
attempt = ledger.begin("m", "key")
if not attempt.resumed:
    ledger.finish_stage(attempt.id, "ingest", "raw_1", b'{"rows":3}', 0.5)
print(attempt.id, attempt.resumed, flush=True)
time.sleep(60)
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A migrated, empty ledger."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    return url


def begin(url: str) -> tuple[subprocess.Popen[str], str, bool]:
    """Begin an attempt in a process of its own, which then waits."""
    process = subprocess.Popen([sys.executable, "-c", BEGIN, url], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    attempt, resumed = process.stdout.readline().split()
    return process, attempt, resumed == "True"


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL, and wait until it is dead without reaping it: the process stays a zombie."""
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_a_killed_attempt_is_resumed_with_its_records(url: str) -> None:
    """After kill -9 the same name and key go on where the dead process stopped, zombie or not."""
    process, attempt, resumed = begin(url)
    kill(process)
    with open_ledger(url) as ledger:
        again = ledger.begin("m", "key")
    process.wait()
    assert not resumed
    assert (again.id, again.resumed, again.records) == (attempt, True, {"ingest": b'{"rows":3}'})


def test_another_key_or_name_is_another_attempt(url: str) -> None:
    """Only the same name with the same key is the same work."""
    process, _, _ = begin(url)
    kill(process)
    process.wait()
    with open_ledger(url) as ledger:
        assert not ledger.begin("m", "other key").resumed
        assert not ledger.begin("other", "key").resumed


def test_only_one_of_two_processes_resumes(url: str) -> None:
    """Ownership is taken over atomically: of several that ask at once one resumes, the others begin."""
    process, attempt, _ = begin(url)
    kill(process)
    process.wait()
    waiting = [
        subprocess.Popen([sys.executable, "-c", BEGIN, url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = [child.stdout.readline().split() for child in waiting if child.stdout]
    for child in waiting:
        kill(child)
        child.wait()
    assert sorted(resumed for _, resumed in answers) == ["False", "False", "True"]
    assert [found for found, resumed in answers if resumed == "True"] == [attempt]


def test_older_leftovers_are_given_up(url: str) -> None:
    """Where two attempts were left, the newest is resumed and the older never comes back."""
    (first, older, _), (second, newer, _) = begin(url), begin(url)
    for process in (first, second):
        kill(process)
        process.wait()
    with open_ledger(url) as ledger:
        resumed = ledger.begin("m", "key")
        ledger.end(resumed.id, "completed")
        after = ledger.begin("m", "key")
    assert (resumed.id, after.resumed) == (newer, False)
    assert older != newer


def test_an_attempt_on_a_silent_host_is_taken_over(url: str, tmp_path: Path) -> None:
    """An owner elsewhere is believed for a minute after its last heartbeat, and then replaced."""
    with open_ledger(url) as ledger:
        attempt = ledger.begin("m", "key")
        connection = connect(tmp_path / "ledger.db")
        connection.execute("update attempts set owner_host = 'elsewhere'")
        assert not ledger.begin("m", "key").resumed
        connection.execute("update attempts set heartbeat = heartbeat - 61000000, owner_host = 'elsewhere'")
        connection.execute("update attempts set ended = 1, state = 'failed' where id != ?", (attempt.id,))
        assert ledger.begin("m", "key").id == attempt.id
        connection.execute("update attempts set owner_pid = 1")
        with pytest.raises(PulseError) as lost:
            ledger.heartbeat(attempt.id)
        connection.close()
    assert lost.value.code == "attempt.taken_over"


def test_a_pid_that_is_used_again_is_another_process() -> None:
    """A living process with an owner's pid and another start time is not the owner."""
    me = this_process()
    assert is_alive(me)
    assert not is_alive(Owner(me.host, me.pid, "another boot 12345"))
    assert is_alive(Owner("elsewhere", me.pid, me.started)) is None
