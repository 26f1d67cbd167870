"""Circuit breakers: when they open, when they try again, and what they import."""

from __future__ import annotations

import subprocess
import sys

from pulse_blocks.serving.circuit import Circuit


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def circuit(clock: Clock, told: list[str]) -> Circuit:
    made = Circuit(3, 10.0, clock)
    made.opened = told.append
    return made


def test_failures_in_a_row_open_it() -> None:
    """Two failures and a success are nothing; three in a row open it, and it tells why, once."""
    told: list[str] = []
    breaker = circuit(Clock(), told)
    for _ in range(2):
        breaker.failed("a")
    breaker.succeeded()
    for _ in range(2):
        breaker.failed("b")
    assert (breaker.state, breaker.allows(), told) == ("closed", True, [])
    breaker.failed("c")
    assert (breaker.state, breaker.allows(), told) == ("open", False, ["c"])
    breaker.failed("d")
    assert (breaker.openings, told) == (1, ["c"])


def test_one_attempt_decides_after_the_reset() -> None:
    """Until the reset nothing is tried; then a failure opens it anew and a success closes it."""
    clock, told = Clock(), list[str]()
    breaker = circuit(clock, told)
    breaker.trip("hung")
    clock.now += 9.5
    assert (breaker.allows(), breaker.remaining()) == (False, 0.5)
    clock.now += 1
    assert breaker.state == "half-open"
    assert breaker.allows()
    breaker.failed("again")
    assert (breaker.state, breaker.remaining(), told) == ("open", 10.0, ["hung"])
    clock.now += 11
    assert breaker.allows()
    breaker.succeeded()
    assert (breaker.state, breaker.allows(), breaker.remaining()) == ("closed", True, 0.0)
    for _ in range(3):
        breaker.failed("later")
    assert told == ["hung", "later"]


def test_the_library_comes_alone() -> None:
    """Neither redis nor tornado is imported, and both can still be imported by others."""
    code = (
        "import sys; from pulse_blocks.serving.circuit import Circuit; Circuit(1, 1.0);"
        "print({'redis', 'tornado'} & set(sys.modules)); import redis"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
