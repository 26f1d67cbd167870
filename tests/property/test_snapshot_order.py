"""One set of rows has one order, however it arrives."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulse_blocks.errors import PulseError
from pulse_blocks.sources.ordering import settle
from pulse_blocks.sources.times import from_text

SCHEMA = pa.schema([("t", pa.int64()), ("k", pa.string()), ("b", pa.bool_()), ("x", pa.float64())])
_ROW = st.tuples(
    st.none() | st.integers(0, 5),
    st.none() | st.text("ab\u00e9\U0001f600", max_size=2),
    st.none() | st.booleans(),
    st.none() | st.floats(-2, 2).map(lambda value: round(value) + 0.0),
)
ROWS = st.lists(_ROW, max_size=40)


def _rank(value: object) -> tuple[Any, ...]:
    """Nulls first, text by its bytes."""
    return (0,) if value is None else (1, value.encode() if isinstance(value, str) else value)


def _batches(rows: list[tuple[Any, ...]], size: int) -> list[pa.RecordBatch]:
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    return [
        pa.RecordBatch.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in part], SCHEMA)
        for part in parts
    ]


def _settled(rows: list[tuple[Any, ...]], size: int, order: tuple[str, ...]) -> list[tuple[Any, ...]]:
    found = settle(_batches(rows, size), order, "t")
    return [tuple(row.values()) for batch in found for row in batch.to_pylist()]


@settings(deadline=None)
@given(rows=ROWS, size=st.integers(1, 9), order=st.sampled_from([("t", "k"), ("t",), ("t", "x", "k"), ()]))
def test_settled_rows_are_sorted(rows: list[tuple[Any, ...]], size: int, order: tuple[str, ...]) -> None:
    """By time, then keys, then everything else: as sorting all rows at once would have it."""
    names = [*order, *(name for name in SCHEMA.names if name not in order)]
    expected = sorted(rows, key=lambda row: [_rank(row[SCHEMA.names.index(name)]) for name in names])
    arriving = sorted(rows, key=lambda row: _rank(row[0])) if order else rows
    assert _settled(arriving, size, order) == expected


@settings(deadline=None)
@given(rows=ROWS.filter(lambda rows: len({row[0] for row in rows}) > 1), size=st.integers(1, 9))
def test_descending_times_are_refused(rows: list[tuple[Any, ...]], size: int) -> None:
    """A source that breaks its promise is an error, never a snapshot in another order."""
    falling = sorted(rows, key=lambda row: _rank(row[0]), reverse=True)
    with pytest.raises(PulseError) as caught:
        _settled(falling, size, ("t",))
    assert caught.value.code == "source.order"


@settings(deadline=None)
@given(
    time=st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),  # noqa: DTZ001 - the text's own clock
    separator=st.sampled_from([" ", "T"]),
    minutes=st.none() | st.integers(-14 * 60, 14 * 60),
)
def test_times_are_read_as_iso_8601_has_them(time: dt.datetime, separator: str, minutes: int | None) -> None:
    """Every ISO form of an instant, with or without zone and fraction, is that instant."""
    zone = dt.UTC if minutes is None else dt.timezone(dt.timedelta(minutes=minutes))
    text = time.isoformat(separator) if minutes is None else time.replace(tzinfo=zone).isoformat(separator)
    texts = [text, text + "Z"] if minutes is None else [text, "2026-01-01"]
    values = from_text(pa.array([*texts, None])).to_pylist()
    assert values[0] == time.replace(tzinfo=zone)
    assert values[-1] is None
    if minutes is None:
        assert values[1] == values[0]
