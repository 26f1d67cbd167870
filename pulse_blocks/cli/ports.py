"""Loopback ports for services, each claimed before the service that will listen on it has started.

A server may take many seconds until it listens. Two commands that look for a free port meanwhile would find the
same one, and the readiness of the one server would be taken for that of the other. So a port is claimed by a lock
on a file, which the service inherits and the system releases when the service ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pulse_blocks.errors import PulseError


class Port(NamedTuple):
    """A port and the claim to it, held for as long as the file is open in some process."""

    number: int
    claim: BinaryIO


def choose_port(wanted: int | None, usual: int, name: str) -> Port:
    """``wanted`` if it is free (else PulseError); without a wish the usual port, or a free one if it is taken."""
    if wanted is None:
        return _claim(usual) or any_port()
    port = _claim(wanted)
    if port is None:
        raise PulseError(
            "port.taken",
            f"Port {wanted} for {name} is taken by another program.",
            "Name another one, or leave the option out and a free one is chosen.",
        )
    return port


def any_port() -> Port:
    """A port that nobody listens on and nobody has claimed."""
    while True:
        if port := _claim(free_port()):
            return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A loopback port that nobody listens on, not claimed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _claim(port: int) -> Port | None:
    folder = Path(tempfile.gettempdir()) / f"pulse-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    claim = (folder / str(port)).open("wb")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        claim.close()
        return None
    if is_free(port):
        return Port(port, claim)
    claim.close()
    return None
