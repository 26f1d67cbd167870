"""Errors as text and as data."""

from __future__ import annotations

import io
import json
import sys

import pytest

from pulse_blocks.cli import failures
from pulse_blocks.errors import Problem, ProtocolError, PulseError

PROBLEM = Problem(file="a.yaml", line=2, column=1, path="nmae", code="protocol.key", message="No such key.")


def test_an_error_is_a_line_and_its_hint_another() -> None:
    """Two lines, without colours where nobody asked for them."""
    assert (
        failures.as_text(PulseError("a.b", "It failed.", "Try again."))
        == "error: It failed.\nhint: Try again."
    )
    assert failures.as_text(PulseError("a.b", "It failed.")) == "error: It failed."


def test_a_protocol_error_is_a_line_for_each_problem_and_their_number() -> None:
    """All problems come at once, each where an editor finds it."""
    assert failures.as_text(ProtocolError((PROBLEM, PROBLEM))) == (
        "a.yaml:2:1: nmae: No such key.\na.yaml:2:1: nmae: No such key.\n"
        "error: 2 problems in the protocol; nothing was touched."
    )


def test_an_error_from_outside_cannot_drive_the_terminal() -> None:
    """Escape sequences in a message (a column's name, a server's answer) must be shown, never sent."""
    text = failures.as_text(PulseError("a.b", "no \x1b[2Jcolumn \x9b31m\r\x07", "see\nbelow"))
    assert text == "error: no \\x1b[2Jcolumn \\x9b31m\\x0d\\x07\nhint: see\nbelow"


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool
) -> None:
    """On a terminal the word is red, unless NO_COLOR is set."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert failures.refused(PulseError("a.b", "It failed."), as_json=False) == 1
    assert ("\x1b[" in terminal.getvalue()) is coloured


def test_programs_get_the_error_as_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json standard output is JSON and the text goes to standard error."""
    assert failures.refused(ProtocolError((PROBLEM,)), as_json=True) == 1
    told = capsys.readouterr()
    error = json.loads(told.out)["error"]
    assert error["code"] == "protocol.invalid"
    assert error["problems"][0]["line"] == 2
    assert "a.yaml:2:1" in told.err
