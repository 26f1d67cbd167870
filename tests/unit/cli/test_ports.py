"""Ports are claimed before the service that will listen on them has started."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from pulse_blocks.cli.ports import any_port, choose_port, free_port
from pulse_blocks.errors import PulseError


def test_two_commands_never_get_the_same_port() -> None:
    """While a claim is held, the usual port is another one and a wish for it is refused; then it is free again."""
    usual = free_port()
    first = choose_port(None, usual, "a")
    assert first.number == usual
    second = choose_port(None, usual, "b")
    assert second.number != usual
    with pytest.raises(PulseError, match=f"Port {usual} for c is taken"):
        choose_port(usual, 1, "c")
    first.claim.close()
    third = choose_port(usual, 1, "c")
    assert third.number == usual
    third.claim.close()
    second.claim.close()


def test_a_service_keeps_its_claim_until_it_ends() -> None:
    """A process that inherits the claim holds it, and its death releases it."""
    port = any_port()
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        stdin=subprocess.PIPE,
        pass_fds=(port.claim.fileno(),),
    )
    port.claim.close()
    with pytest.raises(PulseError):
        choose_port(port.number, 1, "another")
    holder.kill()
    holder.wait()
    if holder.stdin:
        holder.stdin.close()
    choose_port(port.number, 1, "another").claim.close()


def test_a_port_that_a_program_listens_on_is_taken() -> None:
    """A listening socket of anybody's makes a port taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PulseError, match="is taken"):
            choose_port(taken.getsockname()[1], 1, "a")
