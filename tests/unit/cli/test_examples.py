"""The request that ``pulse serve`` shows: one that the model would answer."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.cli.examples import curl, record
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.requests import problems
from tests.tiny_project import PROTOCOL


def with_field(field: str) -> str:
    """The protocol ``tiny`` with one more feature."""
    return PROTOCOL.replace("  express: {type: bool}\n", f"  express: {{type: bool}}\n  more: {field}\n")


@pytest.mark.parametrize(
    "field",
    [
        "{type: float}",
        "{type: float, gt: 0}",
        "{type: float, lt: 0}",
        "{type: float, gt: 0, lt: 0.001}",
        "{type: int, ge: 1, le: 12}",
        "{type: int, gt: 1, lt: 3}",
        "{type: int, gt: -3, le: -2}",
        "{type: int, ge: -5, lt: -4}",
        "{type: int, lt: -7}",
        "{type: int, ge: 9007199254740993}",
        "{type: category, values: [3, 4]}",
        "{type: bool, nullable: true}",
    ],
)
def test_the_example_is_a_request_that_the_protocol_allows(field: str) -> None:
    """Every type, with bounds of every kind: the reader copies the line and gets a prediction."""
    protocol = loading.loads(with_field(field))
    assert problems(protocol, record(protocol)) == []


@given(st.integers(-(10**9), 10**9), st.integers(0, 3))
def test_a_whole_number_is_found_between_any_two_bounds(low: int, width: int) -> None:
    """Also where only one whole number lies between them."""
    protocol = loading.loads(with_field(f"{{type: int, ge: {low}, le: {low + width}}}"))
    assert problems(protocol, record(protocol)) == []


def test_the_line_survives_the_shell() -> None:
    """Quotes and spaces of a value must reach the runtime as they are."""
    text = with_field('{type: category, values: ["it\'s a", b]}')
    protocol = loading.loads(text)
    words = shlex.split(curl("http://127.0.0.1:8080", protocol))
    assert words[:3] == ["curl", "-s", "http://127.0.0.1:8080/predict/tiny"]
    assert json.loads(words[4]) == record(protocol)
