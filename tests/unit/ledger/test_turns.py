"""Several processes write one SQLite file: each gets its turn, and a dead one holds up nobody."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks.errors import UnavailableError
from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.ledger.turns import Turns

GREEDY = """
import sys
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger import open_ledger
with open_ledger(sys.argv[1]) as ledger:
    ledger.emit("begun", "", {})
    print("begun", flush=True)
    while True:
        ledger.append([(new_inference_id(), 1, None, None, "m", "{}", "{}", b"", b"", 1, 0) for _ in range(200)])
"""
HOLD = """
import sys, time
from pathlib import Path
from pulse_blocks.ledger.turns import Turns
with Turns(Path(sys.argv[1]), 1.0).taken():
    print("held", flush=True)
    time.sleep(60)
"""


@contextlib.contextmanager
def other(code: str, argument: object) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, once it has said that it has begun."""
    process = subprocess.Popen([sys.executable, "-c", code, str(argument)], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_nobody_is_kept_waiting_by_busy_writers(tmp_path: Path) -> None:
    """Beside two processes that write without a pause, each of twenty writes takes well under a second."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    migrate(url)
    with other(GREEDY, url), other(GREEDY, url), open_ledger(url) as ledger:
        for _ in range(20):
            started = time.monotonic()
            ledger.emit("pulse.model.promoted", "pulse.model.m", {})
            assert time.monotonic() - started < 0.9


def test_a_process_that_dies_gives_its_turn_back(tmp_path: Path) -> None:
    """Killed while it writes: the next one goes on at once."""
    path = tmp_path / "ledger.db"
    with other(HOLD, path) as process:
        process.kill()
        process.wait()
        with Turns(path, 1.0).taken():
            pass


def test_a_process_that_hangs_is_told_of(tmp_path: Path) -> None:
    """Stopped while it writes: an error that may be retried, no endless wait; later writes work."""
    path = tmp_path / "ledger.db"
    turns = Turns(path, 0.2)
    with other(HOLD, path) as process:
        process.send_signal(signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="Another process"), turns.taken():
                pass
        process.kill()
        process.wait()
        with turns.taken():
            pass
    turns.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By the path that cannot be opened."""
    with (
        pytest.raises(UnavailableError, match="cannot be opened"),
        Turns(tmp_path / "no" / "l.db", 1.0).taken(),
    ):
        pass


def test_at_once_or_not_at_all(tmp_path: Path) -> None:
    """Who does not want to wait gets the turn only where nobody has it, and nobody is in line for it."""
    path = tmp_path / "ledger.db"
    turns = Turns(path, 1.0)
    with other(HOLD, path):
        assert not turns.take_at_once()
    assert turns.take_at_once()
    waiting = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE)
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        turns.give_back()
        assert waiting.stdout
        assert waiting.stdout.readline()
        assert not turns.take_at_once()
    finally:
        waiting.kill()
        waiting.communicate()
    turns.close()
