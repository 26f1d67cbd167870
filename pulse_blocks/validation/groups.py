"""A snapshot's rows as polars frames of a few chunks each, and single rows by their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from pulse_blocks.records import Chunk, Snapshot
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store

# A call of Pandera costs about 45 ms whatever its rows.
GROUP_ROWS = 262_144
# Chunks that are read while a group is checked: some 2 MB each.
_AHEAD = 4


class Group(msgspec.Struct, frozen=True):
    """Consecutive rows of a snapshot; ``start`` is the number of the first, from 0, ``schema`` that of the store."""

    start: int
    frame: pl.DataFrame
    schema: pa.Schema

    def stored(self, positions: np.ndarray) -> pa.Table:
        """The rows at some positions as the store has them."""
        return self.frame[positions].to_arrow().cast(self.schema)


def groups(store: Store, snapshot: Snapshot, columns: Sequence[str]) -> Iterator[Group]:
    """All rows in order, in groups of about ``GROUP_ROWS``; a float's NaN is null, as it is to the model.

    The next chunks are read meanwhile. A group that is let go before the next one is asked for does not lie beside it
    in memory.
    """
    start = 0
    read = overlapped(lambda chunk: read_chunk(store, chunk, list(columns)), snapshot.chunks, _AHEAD)
    for chunks in _batches(snapshot.chunks):
        rows = sum(chunk.rows for chunk in chunks)
        yield _group(start, [table for _, table in zip(chunks, read, strict=False)])
        start += rows


def _group(start: int, tables: list[pa.Table]) -> Group:
    table = pa.concat_tables(tables)
    return Group(start, _frame(table), table.schema)


def rows_at(
    store: Store, snapshot: Snapshot, rows: np.ndarray, columns: Sequence[str]
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """The rows with these numbers (sorted), a chunk at a time; chunks without one are not read."""
    ends = np.cumsum([chunk.rows for chunk in snapshot.chunks])
    borders = np.searchsorted(rows, ends)
    wanted = [
        (chunk, int(end) - chunk.rows, rows[low:high])
        for chunk, end, low, high in zip(snapshot.chunks, ends, (0, *borders), borders, strict=False)
        if low < high
    ]

    def read(one: tuple[Chunk, int, np.ndarray]) -> tuple[np.ndarray, pa.Table]:
        chunk, start, numbers = one
        return numbers, read_chunk(store, chunk, list(columns)).take(pa.array(numbers - start))

    yield from overlapped(read, wanted)


def frame_at(store: Store, snapshot: Snapshot, rows: np.ndarray, columns: Sequence[str]) -> pl.DataFrame:
    """``rows_at`` as one frame."""
    return pl.concat([_frame(table) for _, table in rows_at(store, snapshot, rows, columns)])


def _batches(chunks: Sequence[Chunk]) -> Iterator[list[Chunk]]:
    batch: list[Chunk] = []
    rows = 0
    for chunk in chunks:
        batch.append(chunk)
        rows += chunk.rows
        if rows >= GROUP_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"{type(frame)} is no frame")
    nan = frame.select(pl.col(pl.Float64).is_nan().any())
    return frame.with_columns(pl.col(name).fill_nan(None) for name in nan.columns if nan.item(0, name))
