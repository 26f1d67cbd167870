"""Columns to numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.training.encoding import matrix


@pytest.mark.parametrize(
    ("field", "values", "numbers"),
    [
        (FieldSpec(type="float"), [1.5, None, float("nan")], [1.5, np.nan, np.nan]),
        (FieldSpec(type="int"), [2, None, -3], [2, np.nan, -3]),
        (FieldSpec(type="bool"), [True, None, False], [1, np.nan, 0]),
        (FieldSpec(type="category", values=("b", "a")), ["a", None, "c"], [1, np.nan, np.nan]),
        (FieldSpec(type="category", values=(30, 10)), [10, 30, 20], [1, 0, np.nan]),
    ],
)
def test_types(field: FieldSpec, values: list[object], numbers: list[float]) -> None:
    """Missing is NaN, a boolean 0 or 1, a category its place in the protocol's values."""
    table = pa.table({"x": pa.chunked_array([pa.array(values[:1]), pa.array(values[1:])])})
    block = matrix(table, [ColumnSpec(name="x", role="feature", field=field)])
    assert block.dtype == np.float64
    assert block.flags.c_contiguous
    np.testing.assert_array_equal(block[:, 0], numbers)
