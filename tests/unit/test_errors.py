"""Errors: what they carry, and that they survive the ways in which Prefect moves them."""

from __future__ import annotations

import copy
import pickle

import pytest

from pulse_blocks.errors import Problem, ProtocolError, PulseError, UnavailableError

PROBLEM = Problem(
    file="protocols/a.yaml",
    line=3,
    column=7,
    path="features.temp.type",
    code="protocol.choice",
    message="There is no type flot.",
    hint="Did you mean float?",
)
ERRORS = [
    PulseError("snapshot.missing", "There is no snapshot snap_1.", "List them."),
    PulseError("snapshot.missing", "There is no snapshot snap_1."),
    UnavailableError("ledger.unavailable", "The ledger is out of reach.", "Start it."),
    ProtocolError((PROBLEM, PROBLEM)),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("moved", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])  # noqa: S301  our own bytes
def test_an_error_survives_pickling_and_copying(error: PulseError, moved) -> None:  # noqa: ANN001
    """Type, code, message, hint and problems must be the same on the other side."""
    arrived = moved(error)
    assert type(arrived) is type(error)
    assert (arrived.code, arrived.message, arrived.hint) == (error.code, error.message, error.hint)
    assert str(arrived) == str(error)
    assert getattr(arrived, "problems", None) == getattr(error, "problems", None)


def test_an_error_reads_as_its_message_and_the_way_out() -> None:
    """The text of an error must hold message and hint, and no code: it becomes a flow run's state message."""
    assert str(ERRORS[0]) == "There is no snapshot snap_1. List them."
    assert str(ERRORS[1]) == "There is no snapshot snap_1."


def test_a_problem_reads_as_place_path_reason_and_hint() -> None:
    """A problem must name file, line, column and path the way editors and terminals link them."""
    assert (
        str(PROBLEM)
        == "protocols/a.yaml:3:7: features.temp.type: There is no type flot. (Did you mean float?)"
    )


def test_a_protocol_error_holds_all_problems_and_says_how_many() -> None:
    """No problem may be lost, and the one-line form must say that there are more."""
    error = ProtocolError((PROBLEM, PROBLEM, PROBLEM))
    assert len(error.problems) == 3
    assert str(error).endswith("(and 2 more)")
    assert "more)" not in str(ProtocolError((PROBLEM,)))


def test_every_error_of_the_tree_is_a_pulse_error() -> None:
    """Whoever catches PulseError must catch all that a person can act on."""
    assert issubclass(UnavailableError, PulseError)
    assert issubclass(ProtocolError, PulseError)
