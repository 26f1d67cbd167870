"""A snapshot's content depends on its rows alone."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pulse_blocks.snapshots import borders
from pulse_blocks.snapshots.digest import digest
from pulse_blocks.snapshots.parquet import decode, encode
from pulse_blocks.snapshots.writing import Written, write_chunks
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores import Store

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("number", pa.int64()),
        ("real", pa.float64()),
        ("flag", pa.bool_()),
        ("at", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
    ]
)
_TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))  # noqa: DTZ001
_CELLS = st.fixed_dictionaries(
    {
        "id": st.none() | st.text(max_size=8),
        "number": st.none() | st.integers(-(2**63), 2**63 - 1),
        "real": st.none() | st.floats(allow_nan=False),
        "flag": st.none() | st.booleans(),
        "at": st.none() | _TIMES,
        "day": st.none() | st.dates(),
    }
)
CELLS = st.lists(_CELLS, min_size=1, max_size=60)


class MemoryStore:
    """Only what writing needs: a dictionary."""

    uri = "memory"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> int:
        """See ``Store.put``."""
        new = self.objects.get(key) != data
        self.objects[key] = data
        return len(data) if new else 0


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few rows, so that small examples have several."""
    monkeypatch.setattr(borders, "LEAST", 3)
    monkeypatch.setattr(borders, "MOST", 20)
    monkeypatch.setattr(borders, "_CANDIDATES", 2**62)


def _write(batches: list[pa.RecordBatch], key: tuple[str, ...] = ("id",)) -> tuple[Written, dict[str, bytes]]:
    memory = MemoryStore()
    store: Any = memory
    checked: Store = store
    return write_chunks(checked, Rows(SCHEMA, iter(batches)), key), memory.objects


def _cut(batch: pa.RecordBatch, sizes: list[int]) -> list[pa.RecordBatch]:
    """Slices, empty ones too, that share the buffers of the whole."""
    parts, start = [], 0
    for size in sizes:
        parts.append(batch.slice(start, size))
        start += size
    return [*parts, batch.slice(start)]


def _dirty(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same values with something else in the slots of nulls, and an offset."""
    columns = []
    for column in batch.columns:
        kind = column.type
        doubled = pa.concat_arrays([column[:1], column])
        values = doubled.fill_null(
            "junk" if kind == pa.string() else pa.scalar(1, pa.int64()).cast(_plain(kind)).cast(kind)
        )
        buffers = values.buffers()
        buffers[0] = pa.array(doubled.is_valid()).buffers()[1]
        columns.append(pa.Array.from_buffers(kind, len(doubled), buffers)[1:])
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.int32() if kind == pa.date32() else pa.int64()


RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@RELAXED
@given(
    cells=CELLS,
    sizes=st.lists(st.integers(0, 30), max_size=8),
    key=st.sampled_from([("id",), (), ("number", "at")]),
)
def test_batches_do_not_matter(cells: list[dict[str, Any]], sizes: list[int], key: tuple[str, ...]) -> None:
    """The same rows in any batches, sliced or with junk below their nulls, give the same content and files."""
    whole = pa.RecordBatch.from_pylist(cells, SCHEMA)
    written, files = _write([whole], key)
    for batches in (_cut(whole, sizes), [_dirty(whole)], _cut(_dirty(whole), sizes)):
        again, same = _write(batches, key)
        assert again == written
        assert same == files


@RELAXED
@given(cells=CELLS)
def test_files_hold_the_rows(cells: list[dict[str, Any]]) -> None:
    """What the files hold, in order, are the rows: values, nulls and types."""
    written, files = _write([pa.RecordBatch.from_pylist(cells, SCHEMA)])
    keys = [f"chunks/{chunk.sha256[:2]}/{chunk.sha256}.parquet" for chunk in written.chunks]
    table = pa.concat_tables([decode(files[key]) for key in keys])
    assert table.schema.equals(SCHEMA)
    assert table.equals(pa.Table.from_pylist(cells, SCHEMA))
    assert all(3 <= chunk.rows <= 20 for chunk in written.chunks[:-1])


@RELAXED
@given(cells=CELLS, data=st.data())
def test_every_value_counts(cells: list[dict[str, Any]], data: st.DataObject) -> None:
    """Another value in any cell is another digest."""
    row = data.draw(st.integers(0, len(cells) - 1))
    name = data.draw(st.sampled_from(SCHEMA.names))
    other = data.draw(_CELLS)[name]
    changed = [dict(cell) for cell in cells]
    changed[row][name] = other
    before, after = (pa.RecordBatch.from_pylist(each, SCHEMA) for each in (cells, changed))
    same = before.equals(after) and str(cells[row][name]) == str(
        other
    )  # 0.0 equals -0.0, and is not the same
    assert (digest(before) == digest(after)) == same


@RELAXED
@given(cells=CELLS)
def test_digest_survives_the_file(cells: list[dict[str, Any]]) -> None:
    """Rows that went through a Parquet file have the digest that they had before."""
    batch = pa.RecordBatch.from_pylist(cells, SCHEMA)
    table = decode(encode(batch))
    assert digest(pa.concat_batches(table.to_batches())) == digest(batch)


def test_strings_cannot_move_between_cells() -> None:
    """Lengths count, so that two cells never have the digest of their joined text cut elsewhere."""

    def of(*texts: str) -> str:
        return digest(pa.RecordBatch.from_pydict({"a": list(texts)}))

    assert of("ab", "c") != of("a", "bc")
