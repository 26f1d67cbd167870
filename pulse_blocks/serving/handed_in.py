"""A listening socket that somebody else has opened: systemd by socket activation, or any parent by number.

Whoever opened it keeps it open: while no process of the runtime is there, connections wait at it for the next one.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from pulse_blocks.errors import PulseError

# systemd's protocol, sd_listen_fds(3): descriptors from here on, for the process that LISTEN_PID names.
_FIRST = 3


def activated(environ: Mapping[str, str] | None = None) -> int | None:
    """The descriptor of the socket that systemd hands to this process, None where it hands in none.

    Raises PulseError ``serving.bad_socket`` where it hands in several.
    """
    env = os.environ if environ is None else environ
    count = env.get("LISTEN_FDS", "")
    if env.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit() or int(count) == 0:
        return None
    if int(count) > 1:
        raise _refusal(f"systemd hands in {count} sockets", "Give the unit one ListenStream.")
    return _FIRST


def socket_at(descriptor: int) -> socket.socket:
    """A handed-in socket, which must listen for TCP. Raises PulseError ``serving.bad_socket``."""
    try:
        found = socket.socket(fileno=os.dup(descriptor))
    except OSError as error:
        raise _refusal(f"descriptor {descriptor} is no socket: {error.strerror}", "Check --fd.") from None
    internet = found.family in {socket.AF_INET, socket.AF_INET6} and found.type == socket.SOCK_STREAM
    if not internet or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.close()
        raise _refusal(f"descriptor {descriptor} does not listen for TCP", "Hand in a listening TCP socket.")
    found.set_inheritable(False)
    return found


def _refusal(reason: str, hint: str) -> PulseError:
    return PulseError("serving.bad_socket", f"The socket that was handed in cannot be used: {reason}.", hint)
