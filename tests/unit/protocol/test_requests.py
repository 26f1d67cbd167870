"""Requests are decoded by a type from the protocol, and a refused one names every bad field."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.protocol import loading, requests
from pulse_blocks.protocol.spec import Protocol

PROTOCOL = """\
pulse: 1
name: flight-delay
version: 1.0.0
task: binary-classification
source:
  datasource: flights
  query: select 1
  time: scheduled
  key: [flight id, tail]
features:
  distance: {type: float, ge: 0, le: 6000}
  speed: {type: float, nullable: true}
  class: {type: category, values: [AA, 'ü', '']}
  gate: {type: category, values: [1, 2]}
  "it's": {type: int, gt: 0}
  count: {type: int}
  night: {type: bool}
columns:
  flight id: {type: int, ge: 1}
  tail: {type: string, pattern: '^[A-Z]+$', max_length: 3}
target: {name: late, type: bool}
training: {}
"""
GOOD: dict[str, Any] = {
    "distance": 2475, "class": "ü", "gate": 2, "it's": 5, "count": -(2**63), "night": False
}  # fmt: skip


@pytest.fixture
def protocol() -> Protocol:
    """Features of every type, under names that are no Python names."""
    return loading.loads(PROTOCOL)


def _decode(protocol: Protocol, raw: object) -> tuple[Any, ...]:
    record = msgspec.json.decode(msgspec.json.encode(raw), type=requests.request_type(protocol))
    return msgspec.structs.astuple(record)


def test_a_record_comes_out_in_the_order_of_the_matrix(protocol: Protocol) -> None:
    """Features first, as the model takes them, then time and key, which may be missing as nullable ones may."""
    assert _decode(protocol, GOOD) == (2475.0, None, "ü", 2, 5, -(2**63), False, None, None, None)
    whole = GOOD | {"scheduled": "2013-01-01T06:00:00Z", "flight id": 7, "tail": "ABC", "speed": None}
    assert requests.problems(protocol, whole) == []
    assert _decode(protocol, whole)[8:] == (7, "ABC")
    names = [column.name for column in requests.request_columns(protocol)]
    assert names == [*protocol.features, "scheduled", "flight id", "tail"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("distance", -0.1, "out of range: it must be at least 0 and at most 6000"),
        ("distance", 6001, "6001 is out of range"),
        ("distance", None, "not nullable"),
        ("distance", "5", "Expected a number, got '5'"),
        ("distance", True, "Expected a number, got true"),
        ("distance", [5], "got a list"),
        ("distance", {}, "got an object"),
        ("speed", "fast", "Expected a number"),
        ("speed", 10**400, "a very large number is out of range"),
        ("class", "XX", "'XX' is not one of AA, ü, ."),
        ("class", 5, "5 is not one of"),
        ("class", "x" * 10_000, "is not one of"),
        ("gate", 3, "3 is not one of 1, 2"),
        ("gate", 1.0, "1.0 is not one of"),
        ("gate", True, "true is not one of"),
        ("it's", 0, "greater than 0"),
        ("it's", 3.5, "Expected an integer, got 3.5"),
        ("it's", 3.0, "Expected an integer, got 3.0"),
        ("count", 2**63, "of 64 bits"),
        ("count", -(2**63) - 1, "of 64 bits"),
        ("count", 10**4000, "a very large number"),
        ("night", 1, "Expected true or false, got 1"),
        ("night", "true", "Expected true or false"),
        ("scheduled", "yesterday", "Expected a time such as"),
        ("scheduled", 5, "Expected a time such as"),
        ("flight id", 0, "at least 1"),
        ("tail", "abc", "does not fit: the pattern ^[A-Z]+$, at most 3 characters"),
        ("tail", "ABCD", "does not fit"),
        ("tail", "A\n", "does not fit"),
        ("tail", 5, "Expected a string"),
    ],
)
def test_a_bad_value_is_refused_in_words(protocol: Protocol, name: str, value: object, words: str) -> None:
    """The slow path names the field and the reason, and never repeats a long value in full."""
    (problem,) = requests.problems(protocol, GOOD | {name: value})
    assert problem.path in (name, f'["{name}"]')
    assert words in problem.message
    assert len(problem.message) < 200


def test_every_bad_field_is_named_at_once(protocol: Protocol) -> None:
    """Missing, unknown (with the nearest name) and wrong fields come together, below where the record stands."""
    raw = {name: value for name, value in GOOD.items() if name != "count"} | {"nihgt": 1, "distance": -1}
    found = requests.problems(protocol, raw, at=("instances", 3))
    assert [(p.path, p.message.split(".")[0]) for p in found] == [
        ("instances[3].distance", "-1 is out of range: it must be at least 0 and at most 6000"),
        ("instances[3].count", "This field is missing"),
        ("instances[3].nihgt", "There is no such field"),
    ]
    assert "Did you mean 'night'?" in found[2].message


@pytest.mark.parametrize("raw", [None, [], "x", 5, True])
def test_what_is_no_object_is_told(protocol: Protocol, raw: object) -> None:
    """A body that is no record at all is one problem."""
    assert len(requests.problems(protocol, raw)) == 1


def test_a_flood_of_unknown_fields_is_cut(protocol: Protocol) -> None:
    """A hostile body cannot make the reply, or the work for it, as large as itself."""
    assert len(requests.problems(protocol, {f"x{n}": 1 for n in range(100_000)})) == 100


@pytest.mark.parametrize("literal", ["1e400", "-1e400", "NaN", "Infinity", "1" * 400])
def test_no_number_beyond_the_finite_is_decoded(protocol: Protocol, literal: str) -> None:
    """JSON has no infinity, and a number that would become one is refused."""
    body = msgspec.json.encode(GOOD).replace(b"2475", literal.encode())
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body, type=requests.request_type(protocol))


def test_the_runtime_imports_nothing_heavy_with_it() -> None:
    """The runtime starts from msgspec alone: neither polars nor a YAML parser comes along."""
    code = (
        "import sys, pulse_blocks.protocol.requests, pulse_blocks.protocol.spec;"
        "heavy = {'polars', 'ruamel', 'ruamel.yaml', 'difflib', 'numpy', 'cronsim'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stderr


VALUES = st.sampled_from(
    [None, True, 0, 1, 2, 3.5, 7000, -1, "AA", "ü", "", "ABC", "abc", "2013-01-01T06:00:00Z", 2**63, [1], {}]
)


@given(
    columns=st.fixed_dictionaries(
        {name: st.just([value, value]) for name, value in GOOD.items()},
        optional={"speed": st.just([1.5, None]), "flight id": st.just([1, 2]), "tail": st.just([None, "A"])},
    ),
    place=st.sampled_from([*GOOD, "speed", "scheduled", "flight id", "tail", "unknown"]),
    values=st.none() | VALUES | st.lists(VALUES, max_size=3),
)
def test_columns_are_taken_where_their_rows_are(columns: dict[str, Any], place: str, values: object) -> None:
    """The quick way for whole columns gives the records of their rows, and nothing where one of them is refused."""
    protocol = loading.loads(PROTOCOL)
    columns = {**columns, place: values}
    found = requests.Columns(protocol).records(columns)
    kind = requests.request_type(protocol)
    if any(not isinstance(values, list) or len(values) != 2 for values in columns.values()):
        assert found is None
        return
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    try:
        expected = msgspec.convert(rows, list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        assert found is None
        return
    assert found is not None
    assert [*map(msgspec.json.encode, found)] == [*map(msgspec.json.encode, expected)]
    assert [*map(msgspec.structs.astuple, found)] == [*map(msgspec.structs.astuple, expected)]
