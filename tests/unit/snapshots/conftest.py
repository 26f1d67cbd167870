"""Snapshots of a few words, made as a run makes them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pulse_blocks.records import Column, ProtocolRef, RawBatch, Snapshot
from pulse_blocks.snapshots.commit import commit
from pulse_blocks.snapshots.describing import Description
from pulse_blocks.snapshots.reading import load
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import Store, open_store

COLUMNS = (
    Column(name="id", type="string", nullable=False),
    Column(name="value", type="float", nullable=True),
    Column(name="word", type="category", nullable=False),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(str(tmp_path / "store"))


def raw_batch(
    store: Store, rows: int = 30_000, first: int = 0, description: Description | None = None
) -> RawBatch:
    """What ingest would leave behind; ``description`` takes in what it writes."""
    numbers = range(first, first + rows)
    batch = pa.RecordBatch.from_pydict(
        {
            "id": [f"{number:07}" for number in numbers],
            "value": [None if number % 10 == 0 else number / 3 for number in numbers],
            "word": ["even" if number % 2 == 0 else "odd" for number in numbers],
        }
    )
    written = write_chunks(store, Rows(batch.schema, iter([batch])), ("id",), description)
    return RawBatch(
        protocol=ProtocolRef(name="words", version="1.0.0", digest="0" * 64),
        datasource="words",
        query="select * from words",
        window=None,
        columns=COLUMNS,
        chunks=written.chunks,
        content=written.content,
        rows=written.rows,
        new_bytes=written.new_bytes,
        left_out=(),
    )


def taken(store: Store, first: int = 0) -> Snapshot:
    """A snapshot of it."""
    return load(store, commit(store, raw_batch(store, first=first)).id)


def flip(store: Store, key: str) -> None:
    """Change one bit in the middle of an object, behind the store's back."""
    path = Path(store.locate(key))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
