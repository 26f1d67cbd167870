"""Processes that Pulse starts for a person: started together, watched until ready, stopped by their own ids."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pulse_blocks.cli.ports import Port
from pulse_blocks.errors import UnavailableError

_GRACE_SECONDS = 10.0
_ANSWER_SECONDS = 5.0


class Service:
    """One process in a session of its own, its output in a log file."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        url: str,
        ready: str,
        port: Port | None = None,
    ) -> None:
        """``url`` is what people open; ``ready`` is an address that answers 200 once the service works.

        ``port`` stays claimed for as long as the service lives.
        """
        self.name = name
        self.url = url
        self.log = log
        self._ready = ready
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            # A session of its own, so that a ctrl-C in the terminal reaches Pulse alone, which then stops it.
            self.process = subprocess.Popen(  # noqa: S603 (argv is built here, no shell)
                argv,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                pass_fds=(port.claim.fileno(),) if port else (),
            )
        if port:
            port.claim.close()  # the service holds it now

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its process group."""
        return self.process.pid

    def wait_ready(self, seconds: float = 120.0) -> None:
        """Return once the service answers. Raises UnavailableError where it ends first or takes longer."""
        deadline = time.monotonic() + seconds
        while not answers(self._ready):
            if self.process.poll() is not None:
                raise UnavailableError(
                    "service.ended",
                    f"{self.name} ended with exit code {self.process.returncode} while starting: "
                    f"{last_line(self.log)}",
                    f"Its whole output is in {self.log}.",
                )
            if time.monotonic() > deadline:
                raise UnavailableError(
                    "service.slow",
                    f"{self.name} did not answer at {self._ready} within {seconds:.0f} seconds.",
                    f"Its output is in {self.log}.",
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """End the service and everything it started."""
        stop_group(self.pid, self._has_ended)

    def _has_ended(self) -> bool:
        return self.process.poll() is not None


def stop_group(pid: int, has_ended: Callable[[], bool]) -> None:
    """Ask a process group to end, and make it after a grace, with whatever it has started elsewhere."""
    started = descendants(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while not has_ended() and time.monotonic() < deadline:
        time.sleep(0.05)
    # Whatever the leader left behind (a worker's children) goes with it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    # A worker's flow runs are in sessions of their own, where the group's end does not reach them.
    for child in started:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(child, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Everything that a process has started and that they have started, as far as it runs at this moment."""
    try:
        listed = subprocess.run(
            ["ps", "-A", "-o", "pid=,ppid="],  # noqa: S607 - where ps is differs between systems
            capture_output=True,
            text=True,
            check=True,
            timeout=5,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def answers(url: str) -> bool:
    """Whether a GET on a loopback address answers with 2xx."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as reply:  # noqa: S310 (our own loopback address)
            return bool(reply.status < 300)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
