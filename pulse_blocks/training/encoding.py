"""Columns to numbers: the matrix and labels that LightGBM sees.

Missing (null, NaN, a category that the protocol does not name) is NaN; a boolean is 0 or 1; a category is its
index in the protocol's ``values``. The runtime maps a request in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import Protocol


def matrix(table: pa.Table, features: Sequence[ColumnSpec]) -> np.ndarray:
    """Rows by features, float64, C order: a column for each feature in the order of the protocol."""
    block = np.empty((table.num_rows, len(features)), np.float64)
    for position, feature in enumerate(features):
        block[:, position] = _numbers(table.column(feature.name), feature.field.values)
    return block


def labels(column: pa.ChunkedArray, protocol: Protocol) -> np.ndarray:
    """The target as float64: 0 and 1, the index of the class in ``target.values``, or the value."""
    return _numbers(column, protocol.target.values)


def classes(protocol: Protocol) -> tuple[Any, ...]:
    """What the codes of a classification's labels stand for, in order."""
    return protocol.target.values or (False, True)


def _numbers(column: pa.ChunkedArray, values: Sequence[str | int] | None) -> np.ndarray:
    if values is not None:
        column = pc.index_in(column, value_set=pa.array(values, column.type))
    numbers = column.cast(pa.float64(), safe=False) if column.type != pa.float64() else column
    return np.asarray(numbers.to_numpy())
