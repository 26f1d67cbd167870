"""A socket that is handed in, and a runtime that ends by itself: nobody's connection is lost in between."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from tests.served_models import RECORD, train_and_promote
from tests.tiny_project import environment, pulse

BODY = json.dumps(RECORD)
# What systemd does: the socket becomes descriptor 3, and LISTEN_PID names the process that exec keeps.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a champion."""
    train_and_promote(settings.load(tmp_path, environ={}))
    return tmp_path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A socket that listens, whoever answers at it."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.set_inheritable(True)
        yield made


def start(project: Path, listener: socket.socket, *before: str, fd: bool = True) -> subprocess.Popen[str]:
    """``pulse serve`` at the socket, which ends after a second without a request."""
    options = ["--fd", str(listener.fileno())] if fd else []
    return subprocess.Popen(
        [*before, sys.executable, "-m", "pulse_blocks", "serve", "parcels", *options, "--idle-exit", "1s"],
        cwd=project,
        env=environment(project),
        pass_fds=[listener.fileno()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(listener: socket.socket, seconds: float = 30) -> str:
    """One prediction on a connection of its own: its id."""
    connection = http.client.HTTPConnection(*listener.getsockname(), timeout=seconds)
    connection.request("POST", "/predict/parcels", BODY)
    reply = json.loads(connection.getresponse().read())
    connection.close()
    return str(reply["inference_id"])


def ended(process: subprocess.Popen[str]) -> int:
    """The exit code, after it has ended by itself."""
    _, err = process.communicate(timeout=30)
    assert not err, err
    return process.returncode


def test_it_ends_and_the_next_one_answers(project: Path, listener: socket.socket) -> None:
    """Two lives: each ends with 0; who connects in between waits at the socket for the second."""
    first = start(project, listener)
    ids = [ask(listener)]
    assert ended(first) == 0
    waiting: list[str] = []
    client = threading.Thread(target=lambda: waiting.append(ask(listener)))
    client.start()
    time.sleep(0.3)
    second = start(project, listener)
    client.join()
    assert ended(second) == 0
    with open_ledger(settings.load(project, environ={}).ledger) as ledger:
        assert all(ledger.inference(one) for one in [*ids, *waiting])


def test_systemd_hands_it_in(project: Path, listener: socket.socket) -> None:
    """LISTEN_FDS and LISTEN_PID are enough, no option is needed."""
    process = start(project, listener, sys.executable, "-c", ACTIVATE, str(listener.fileno()), fd=False)
    assert process.stdout
    assert f":{listener.getsockname()[1]}" in process.stdout.readline()
    assert ask(listener)
    assert ended(process) == 0


def test_it_does_not_end_while_it_is_asked(project: Path, listener: socket.socket) -> None:
    """Requests every half of the time keep it; an open connection without a request does not."""
    process = start(project, listener)
    with socket.create_connection(listener.getsockname()):
        for _ in range(5):
            ask(listener)
            time.sleep(0.5)
            assert process.poll() is None
        started = time.monotonic()
        assert ended(process) == 0
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("kind", ["file", "udp", "silent"])
def test_what_is_no_listening_socket_is_refused(project: Path, kind: str) -> None:
    """A sentence that says what is wrong, and exit code 1."""
    with (
        Path(os.devnull).open() as file,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
        socket.socket() as silent,
    ):
        handed = {"file": file, "udp": udp, "silent": silent}[kind]
        process = subprocess.run(
            [sys.executable, "-m", "pulse_blocks", "serve", "parcels", "--fd", str(handed.fileno())],
            cwd=project, env=environment(project), pass_fds=[handed.fileno()],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert process.returncode == 1
    assert "cannot be used" in process.stderr
    assert "Traceback" not in process.stderr


def test_options_that_make_no_sense(project: Path) -> None:
    """No duration, or several workers."""
    for options in (["--idle-exit", "soon"], ["--idle-exit", "5m", "--workers", "2"]):
        refused = pulse(project, "serve", "parcels", *options)
        assert refused.returncode == 2
        assert "--idle-exit" in refused.stderr
