"""All ranks stop after the same round: rank 0 judges, the others hear of it.

LightGBM's ranks wait for each other in every round, and one that stopped by itself would let the others wait for
ever. A byte a round over connections of its own: LightGBM offers none to its callers.
"""

from __future__ import annotations

import hmac
import socket
import time
from collections.abc import Callable

from pulse_blocks.errors import UnavailableError

_SECONDS = 600.0
_GO, _STOP = b"g", b"s"


def leader(listener: socket.socket, peers: int, secret: bytes) -> Callable[[bool], bool]:
    """The agreement as rank 0 sees it: its own wish is everybody's. Waits for ``peers`` at the first round."""
    connected: list[socket.socket] = []

    def agree(stop: bool) -> bool:
        while len(connected) < peers:
            connected.append(_welcome(listener, secret))
        for peer in connected:
            peer.sendall(_STOP if stop else _GO)
        return stop

    return agree


def follower(address: tuple[str, int], secret: bytes) -> Callable[[bool], bool]:
    """The agreement as any other rank sees it. Raises UnavailableError where rank 0 is gone."""
    connection: list[socket.socket] = []

    def agree(_stop: bool) -> bool:
        if not connection:
            connection.append(socket.create_connection(address, _SECONDS))
            connection[0].sendall(secret)
        said = connection[0].recv(1)
        if not said:
            raise UnavailableError("training.worker_lost", "The worker that judges the rounds is gone.")
        return said == _STOP

    return agree


def _welcome(listener: socket.socket, secret: bytes) -> socket.socket:
    """The next peer that knows the secret; anybody else is turned away."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        listener.settimeout(max(deadline - time.monotonic(), 0.1))
        peer, _ = listener.accept()
        peer.settimeout(_SECONDS)
        if hmac.compare_digest(peer.recv(len(secret)), secret):
            return peer
        peer.close()
    raise UnavailableError("training.worker_lost", "Not every worker has begun its first round.")
