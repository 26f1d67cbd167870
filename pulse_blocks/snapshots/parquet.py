"""Chunks as Parquet files that any reader opens, the same bytes for the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_SMALL = 1_024


def encode(batch: pa.RecordBatch, key: tuple[str, ...] = ()) -> bytes:
    """A Parquet file of one row group. The options are fixed: they are part of a chunk's name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_batches([batch]),
        sink,
        row_group_size=max(batch.num_rows, 1),
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=1,
        use_dictionary=_dictionaries(batch, key),
        write_statistics=True,
        store_schema=False,
    )
    return bytes(sink.getvalue())


def decode(data: bytes, columns: list[str] | None = None) -> pa.Table:
    """The rows of a Parquet file. Raises pa.ArrowException or OSError for damaged ones."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(data)).read(columns=columns, use_threads=False)


def row_count(data: bytes) -> int:
    """The rows that the footer of a Parquet file names, -1 where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return int(pq.read_metadata(pa.BufferReader(data)).num_rows)
    except (pa.ArrowException, OSError):
        return -1


def _dictionaries(batch: pa.RecordBatch, key: tuple[str, ...]) -> list[str]:
    """Strings and small whole numbers repeat; keys do not, and on floats a dictionary costs time and space."""
    import pyarrow as pa

    return [
        field.name
        for field, column in zip(batch.schema, batch.columns, strict=True)
        if field.name not in key
        and (pa.types.is_string(field.type) or (pa.types.is_int64(field.type) and _small(column)))
    ]


def _small(column: Any) -> bool:
    import pyarrow.compute as pc

    ends = pc.min_max(column).as_py()
    return ends["min"] is None or ends["max"] - ends["min"] < _SMALL
