"""Where the runtime listens: which addresses it may, and the sockets for them."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys

from pulse_blocks.errors import PulseError

DEFAULT_PORT = 8080
_BACKLOG = 2048
# Linux spreads connections evenly over sockets that share a port; elsewhere workers share one socket.
_SHARES_PORTS = sys.platform == "linux"


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises PulseError ``serving.port_taken`` or ``serving.cannot_bind``."""
    listener = _socket(host, port, share=False)
    _listen(listener, host, port)
    return listener


def bind_many(host: str, port: int, count: int) -> list[socket.socket]:
    """A listening socket for each of ``count`` workers, all on one port. Raises as ``bind``.

    Whoever keeps them open loses no connection when a worker dies: those that wait at its socket are answered
    by the worker that takes its place.
    """
    if count == 1 or not _SHARES_PORTS:
        listener = bind(host, port)
        return [listener, *(listener.dup() for _ in range(count - 1))]
    # Sockets that share a port would also share it with another runtime: make sure that it is free.
    probe = _socket(host, port, share=False)
    port = probe.getsockname()[1]
    probe.close()
    with contextlib.ExitStack() as opened:
        listeners = [opened.enter_context(_socket(host, port, share=True)) for _ in range(count)]
        for listener in listeners:
            _listen(listener, host, port)
        opened.pop_all()
        return listeners


def url_of(listener: socket.socket, scheme: str) -> str:
    """The address of a socket for people and clients."""
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    with contextlib.suppress(ValueError):
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    return False


def _socket(host: str, port: int, *, share: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _cannot_bind(error, host, port) from error
    return listener


def _listen(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise _cannot_bind(error, host, port) from error


def _cannot_bind(error: OSError, host: str, port: int) -> PulseError:
    if error.errno == errno.EADDRINUSE:
        return PulseError(
            "serving.port_taken", f"Port {port} on {host} is taken by another program.",
            f"Choose another with --port {port + 1 if port < 65535 else 8081}, or --port 0 for a free one.",
        )  # fmt: skip
    return PulseError(
        "serving.cannot_bind", f"The runtime cannot listen on {host}:{port}: {error.strerror}.",
        "Choose another address with --host and --port.",
    )  # fmt: skip
