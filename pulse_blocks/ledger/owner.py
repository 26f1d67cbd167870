"""Who runs an attempt, and whether that process is still alive."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import msgspec


class Owner(msgspec.Struct, frozen=True):
    """A process: where its pid means something, its pid, and when it started (pids are used again)."""

    host: str
    pid: int
    started: str


def this_process() -> Owner:
    """The process that calls."""
    pid = os.getpid()
    return Owner(_host(), pid, _started(pid) or "")


def is_alive(owner: Owner) -> bool | None:
    """Whether the owner still runs; None where it cannot be told, since its pid belongs elsewhere."""
    if owner.host != _host():
        return None
    if Path("/proc/self/stat").exists():
        return _started(owner.pid) == owner.started
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    """Hostname and pid namespace: containers may share the one and not the other."""
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = ""
    return f"{socket.gethostname()} {namespace}".strip()


def _started(pid: int) -> str | None:
    """Boot id and start time in clock ticks since that boot; None where no such process runs.

    A zombie, killed and not yet waited for by its parent, does not run.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    # The command's name stands in brackets and may itself hold spaces and brackets.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"
