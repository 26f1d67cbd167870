"""The logical digest of rows: a sha256 that says the same for the same values.

It does not depend on how rows came in batches, on slices, on what lies in the slots of nulls, or on the
version of the Parquet writer. For each column, in order, it takes one line of text (name, Arrow type, rows,
nulls), then the validity bitmap where there are nulls, then the values: those of a fixed width as little-endian
bytes with 0 for null, booleans as a bitmap, strings as their lengths (int32) and their UTF-8 bytes. Bitmaps
have the least significant bit first.

Bits count: NaN and -0.0 would each be values of their own. Sources never give them (``sources.arrow``).
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

Array = Any  # pa.Array; pyarrow carries no types


def digest(batch: pa.RecordBatch) -> str:
    """The sha256 of a batch of canonical types, in hex."""
    if sys.byteorder != "little":  # pragma: no cover  Arrow's own buffers would have to be swapped
        raise RuntimeError("Snapshots are written and read on little-endian machines only.")
    total = hashlib.sha256()
    for field, column in zip(batch.schema, batch.columns, strict=True):
        head = [field.name, str(field.type), len(column), column.null_count]
        total.update(json.dumps(head, ensure_ascii=True).encode("ascii") + b"\n")
        if column.null_count:
            total.update(_bitmap(column.is_valid()))
        for part in _values(column):
            total.update(part)
    return total.hexdigest()


def one_batch(table: pa.Table) -> pa.RecordBatch:
    """The rows of a table in one batch."""
    import pyarrow as pa

    batches = table.to_batches()
    if len(batches) == 1:
        return batches[0]
    return pa.concat_batches(batches) if batches else pa.RecordBatch.from_pylist([], table.schema)


def _values(column: Array) -> tuple[Any, ...]:
    """The values as buffers, zero where null."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind):
        column = column.fill_null("") if column.null_count else column
        if not len(column):
            return ()
        _, offsets, data = column.buffers()
        ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        text = data[int(ends[0]) : int(ends[-1])] if data is not None else b""
        return np.diff(ends), text
    if pa.types.is_boolean(kind):
        return (_bitmap(column.fill_null(False)),)
    width = np.int32 if kind.bit_width == 32 else np.int64
    if column.null_count:
        column = column.fill_null(
            pa.scalar(0, pa.int64()).cast(pa.int32() if width is np.int32 else pa.int64()).cast(kind)
        )
    values = np.frombuffer(column.buffers()[1], width)[column.offset : column.offset + len(column)]
    return (np.ascontiguousarray(values),)


def _bitmap(booleans: Array) -> Any:
    import numpy as np

    return np.packbits(booleans.to_numpy(zero_copy_only=False), bitorder="little")
