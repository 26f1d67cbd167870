"""One contract: validation of columns and decoding of requests accept the same values."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.protocol.requests import problems
from pulse_blocks.protocol.spec import FieldSpec, Protocol
from pulse_blocks.validation.scan import broken_rows
from pulse_blocks.validation.schema import frame_schema
from tests import small_data

PATTERNS = ("^[A-Z]{2}[0-9]+$", "a", "^$", r"^\w+$", "[.$]", "^é?b*$")
LETTERS = st.text(alphabet="aAbB01_.$é\n😀", max_size=5)
finite = st.floats(-10, 10, allow_nan=False)
small = st.integers(-10, 10)
TYPES = {"float": pl.Float64, "int": pl.Int64, "bool": pl.Boolean, "string": pl.String, "category": pl.String}


@st.composite
def fields(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any]]:
    """A declaration of a feature, and values of its type that may or may not meet it."""
    kind = draw(st.sampled_from(sorted(TYPES)))
    declared: dict[str, Any] = {"type": kind, "nullable": draw(st.booleans())}
    values: st.SearchStrategy[Any] = st.booleans()
    if kind in ("float", "int"):
        values = finite if kind == "float" else small
        low, high = draw(st.sampled_from(["ge", "gt", None])), draw(st.sampled_from(["le", "lt", None]))
        declared |= {bound: draw(values) for bound in (low, high) if bound}
        values |= st.sampled_from([declared[bound] for bound in (low, high) if bound] or [1])
    elif kind == "string":
        values = LETTERS
        rules = {
            "pattern": st.sampled_from(PATTERNS),
            "min_length": st.integers(0, 3),
            "max_length": st.integers(3, 5),
        }
        declared |= {name: draw(rule) for name, rule in rules.items() if draw(st.booleans())}
    elif kind == "category":
        declared["values"] = draw(st.lists(LETTERS, min_size=1, max_size=4, unique=True))
        values = LETTERS | st.sampled_from(declared["values"])
    return declared, draw(st.lists(st.none() | values, min_size=1, max_size=20))


@given(fields())
def test_same_values_are_accepted(case: tuple[dict[str, Any], list[Any]]) -> None:
    """Row by row, a value breaks a rule of the generated schema exactly where a request with it is refused."""
    declared, values = case
    contract: Protocol = small_data.protocol(features={"x": declared}, columns={})
    field: FieldSpec = contract.features["x"]
    frame = pl.DataFrame({"x": pl.Series(values, dtype=TYPES[field.type])})
    schema = frame_schema(contract).select_columns(["x"])
    broken = {int(row) for _, rows in broken_rows(schema, frame) for row in rows}
    refused = {row for row, value in enumerate(frame["x"]) if problems(contract, {"x": value})}
    assert broken == refused
