"""The columns of a file of inferences: those of the ledger's table, so that nothing is lost on the way.

Times are microseconds since 1970, which other readers show as times in UTC; hashes are 32 bytes. A scoring adds
columns with its predictions behind them, for whoever reads the file as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.rows import Inference

if TYPE_CHECKING:
    import pyarrow as pa

# Which columns a file has, and what they mean: in its footer, since a Parquet file has no other place for it.
FORMAT, FORMAT_KEY = 1, b"pulse.format"
NAMES = Inference.__struct_fields__
_HASHES = ("input_sha256", "output_sha256")
_TIMES = ("at", "event_time")


def schema() -> pa.Schema:
    """The columns by name and type, in the order of ``InferenceTuple``."""
    import pyarrow as pa

    types = {
        "latency_us": pa.int32(),
        "flags": pa.int32(),
        **dict.fromkeys(_HASHES, pa.binary(32)),
        **dict.fromkeys(_TIMES, pa.timestamp("us", "UTC")),
    }
    optional = ("event_time", "source_key")
    return pa.schema(
        [pa.field(name, types.get(name, pa.string()), nullable=name in optional) for name in NAMES]
    )


def batch(rows: Sequence[InferenceTuple]) -> pa.RecordBatch:
    """Rows of the ledger as a batch."""
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    arrays = [
        pa.array(values, pa.int64()).cast(field.type)
        if field.name in _TIMES
        else pa.array(values, field.type)
        for field, values in zip(schema(), columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema())


def inferences(found: pa.RecordBatch) -> list[Inference]:
    """The rows of a batch as the ledger gives them."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {}
    for name in NAMES:
        values: Any = found.column(name)
        columns[name] = (values.cast(pa.int64()) if name in _TIMES else values).to_pylist()
    for name in _HASHES:
        columns[name] = [value.hex() for value in columns[name]]
    return [Inference(**dict(zip(NAMES, row, strict=True))) for row in zip(*columns.values(), strict=True)]
