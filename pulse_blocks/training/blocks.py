"""A snapshot's chunks as float64 blocks, and parts of it as LightGBM sequences, in bounded memory.

LightGBM reads a sequence twice: single rows in ascending order for its sample (200,000), then slices in order.
Both walk the chunks from first to last, so a small data set is decoded once and stays; of a large one whatever was kept
would be dropped just before it is wanted again, so a block at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import lightgbm as lgb
import numpy as np

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.records import Chunk
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store
from pulse_blocks.training.encoding import matrix

KEPT_BYTES = 64 * 2**20


class Blocks:
    """The matrix of each chunk, decoded on demand (hash-checked); all stay if they take ``KEPT_BYTES`` at most."""

    def __init__(self, store: Store, chunks: Sequence[Chunk], features: Sequence[ColumnSpec]) -> None:
        self.chunks = tuple(chunks)
        self._store, self._features = store, tuple(features)
        self._names = [feature.name for feature in features]
        self._kept: dict[int, np.ndarray] = {}
        self._keeps_all = sum(chunk.rows for chunk in self.chunks) * len(self._features) * 8 <= KEPT_BYTES

    def block(self, number: int) -> np.ndarray:
        """Rows by features of the chunk with this number."""
        found = self._kept.get(number)
        if found is None:
            if not self._keeps_all:
                self._kept.clear()
            table = read_chunk(self._store, self.chunks[number], self._names)
            found = self._kept[number] = matrix(table, self._features)
        return found


class Rows(lgb.Sequence):
    """Some rows of one chunk, by position, as LightGBM wants them."""

    def __init__(self, blocks: Blocks, number: int, positions: np.ndarray) -> None:
        self._blocks, self._number, self._positions = blocks, number, positions
        self.batch_size = max(positions.size, 1)

    def __len__(self) -> int:
        return int(self._positions.size)

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        return np.asarray(self._blocks.block(self._number)[self._positions[index]])


def part(blocks: Blocks, rows: np.ndarray) -> list[Rows]:
    """The rows with these numbers in the snapshot (sorted), as a sequence for each chunk that holds some."""
    return [Rows(blocks, number, positions) for number, positions in by_chunk(blocks.chunks, rows)]


def by_chunk(chunks: Sequence[Chunk], rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Numbers of chunks, and positions within each, of the rows with these numbers (sorted)."""
    start = 0
    for number, chunk in enumerate(chunks):
        low, high = np.searchsorted(rows, (start, start + chunk.rows))
        if low < high:
            yield number, rows[low:high] - start
        start += chunk.rows
