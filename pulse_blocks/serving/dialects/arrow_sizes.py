"""How much text an Arrow array stands for, before it is decoded.

A dictionary, a run or a view says a value once, however many rows have it: a small stream may be a very large request.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pulse_blocks.protocol.problems import shown
from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.bodies import invalid
from pulse_blocks.serving.refusals import BODY_LIMIT, Refusal

# A column of nulls takes no bytes however long it is, nor does a dictionary of them.
MOST_ROWS = 200_000


def check(table: pa.Table) -> None:
    """Raise Refusal 413 where the text is more than a body may have, written out; 422 for what is no plain column."""
    total = 0
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks:
            total += pc.sum(_lengths(name, chunk)).as_py() or 0
    if total > BODY_LIMIT:
        raise Refusal(
            413, "request.too_large", f"The stream's text is more than {BODY_LIMIT:,} bytes when each row has its own.",
            "Send less in a request.",
        )  # fmt: skip


def rows_limit() -> Refusal:
    """The 413 for more rows, or more values in a dictionary."""
    return Refusal(
        413, "request.too_large", f"The stream has more than {MOST_ROWS:,} rows.", "Send less in a request."
    )


def runs(array: pa.RunEndEncodedArray) -> pa.Array:
    """For each row the position of its value in ``array.values``."""
    positions = pa.array(range(len(array.values)), pa.int32())
    kind = pa.run_end_encoded(array.type.run_end_type, positions.type)
    # With the array's own length: its last run may end far behind it.
    found = pa.RunEndEncodedArray.from_buffers(
        kind, len(array), [None], 0, array.offset, [array.run_ends, positions]
    )
    return pc.run_end_decode(found)


def _lengths(name: str, array: pa.Array) -> pa.Array:
    """The bytes of each row's text; null for what is no text."""
    kind = array.type
    if pa.types.is_nested(kind):
        raise invalid([FieldProblem(f"columns.{name}", f"Expected plain values, got {shown(kind)}.")])
    if isinstance(array, pa.ExtensionArray):
        return _lengths(name, array.storage)
    if len(array) > MOST_ROWS:
        raise rows_limit()
    if pa.types.is_dictionary(kind):
        return _lengths(name, array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(kind):
        return _lengths(name, array.values).take(runs(array))
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return _view_lengths(array)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.binary_length(array)
    return pa.nulls(len(array), pa.int32())


def _view_lengths(array: pa.Array) -> pa.Array:
    """The first of the four integers of each view (Columnar.html#variable-size-binary-view-layout)."""
    if not len(array):
        return pa.nulls(0, pa.int32())
    views = memoryview(array.buffers()[1]).cast("i")[4 * array.offset : 4 * (array.offset + len(array)) : 4]
    return pc.if_else(array.is_valid(), pa.array(views.tolist(), pa.int32()), None)
