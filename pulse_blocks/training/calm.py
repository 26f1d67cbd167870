"""Calm windows: pieces of the training period that are as long as what a drift check will look at.

Each is held against the reference sample without its own rows, as a window of the future will be. Importing this
module does not load lightgbm: a drift check needs no more of it than a few functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.monitoring_spec import DriftWindowSpec
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Chunk, Snapshot
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    from pulse_blocks.training.blocks import Blocks

MOST_ROWS = 10_000
# More windows tell little more, and each costs a pass over the sample.
_MOST_WINDOWS = 30
_LEAST_WINDOWS = 3
_LEAST_ROWS = 30
# Where the period is too short for windows of the right length, or rows have no time, it is cut into these.
_SHORT, _TIMELESS = 4, 12


class Piece(msgspec.Struct, frozen=True):
    """Row numbers in the snapshot (sorted, at most ``MOST_ROWS``), how many there were, and the event times."""

    numbers: np.ndarray
    rows: int
    start: float | None = None
    end: float | None = None


def pieces(protocol: Protocol, snapshot: Snapshot, store: Store) -> list[Piece]:
    """The calm windows of a snapshot, oldest first; fewer than three where it has too few rows."""
    window, times = protocol.monitoring.window, _times(protocol, snapshot, store)
    length = _seconds(window)
    if times is not None and length is not None and times.size:
        found = _by_time(times, length)
    else:
        size = window.rows if window.rows is not None else snapshot.rows // _TIMELESS
        found = _by_rows(snapshot.rows, size)
    if len(found) > _MOST_WINDOWS:
        found = [found[at] for at in np.linspace(0, len(found) - 1, _MOST_WINDOWS).astype(int)]
    return found


def window_text(window: DriftWindowSpec) -> str:
    """A window's length in words, which thresholds are kept under: ``7 days``."""
    for name in ("days", "hours", "rows"):
        if (count := getattr(window, name)) is not None:
            return f"{count} {name}"
    return "7 days"


def matrix_of(blocks: Blocks, numbers: np.ndarray) -> np.ndarray:
    """The features of the rows with these numbers, as the model sees them."""
    return np.concatenate(list(blocks.walk(numbers)))


def within(matrix: np.ndarray, columns: tuple[ColumnSpec, ...]) -> np.ndarray:
    """Which rows hold the ranges of the protocol; what is missing passes.

    Rows in quarantine may be anything: a single number that is far out would stretch every distance.
    """
    good = np.ones(len(matrix), np.bool_)
    for values, column in zip(matrix.T, columns, strict=True):
        field, some = column.field, np.isfinite(values)
        for bound, compare in (
            (field.ge, np.greater_equal),
            (field.gt, np.greater),
            (field.le, np.less_equal),
            (field.lt, np.less),
        ):
            if bound is not None and column.field.type in ("float", "int"):
                good &= ~some | compare(np.where(some, values, 0.0), bound)
    return good


def _by_time(times: np.ndarray, length: float) -> list[Piece]:
    first, last = float(times[0]), float(times[-1])
    count = int((last - first + 1.0) / length)
    if count < _LEAST_WINDOWS:
        length, count = (last - first + 1.0) / _SHORT, _SHORT
    found = []
    for at in range(count):
        start, end = first + at * length, first + (at + 1) * length
        low, high = np.searchsorted(times, (start, end))
        if high - low >= _LEAST_ROWS:
            found.append(Piece(_spread(low, high), int(high - low), start, end))
    return found


def _by_rows(rows: int, size: int) -> list[Piece]:
    if rows // max(size, 1) < _LEAST_WINDOWS:
        size = rows // _SHORT
    if size < _LEAST_ROWS:
        return []
    return [Piece(_spread(low, low + size), size) for low in range(0, rows - size + 1, size)]


def _spread(low: int, high: int) -> np.ndarray:
    if high - low <= MOST_ROWS:
        return np.arange(low, high)
    return np.linspace(low, high - 1, MOST_ROWS).astype(np.int64)


def _seconds(window: DriftWindowSpec) -> float | None:
    if window.days is not None:
        return window.days * 86_400.0
    return window.hours * 3_600.0 if window.hours is not None else None


def _times(protocol: Protocol, snapshot: Snapshot, store: Store) -> np.ndarray | None:
    """Event times of all rows in seconds since 1970, in the snapshot's order, which is theirs."""
    name = protocol.source.time
    if name is None:
        return None

    def read(chunk: Chunk) -> np.ndarray:
        return seconds(read_chunk(store, chunk, [name]).column(name))

    parts = list(overlapped(read, snapshot.chunks))
    times = np.concatenate(parts) if parts else np.empty(0)
    return times[np.isfinite(times)] if np.isfinite(times).all() else None


def seconds(column: pa.ChunkedArray) -> np.ndarray:
    """Times or dates as seconds since 1970, NaN where there is none."""
    micros = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).cast(pa.float64(), safe=False)
    return np.asarray(micros.to_numpy()) / 1e6
