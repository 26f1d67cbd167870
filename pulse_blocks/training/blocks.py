"""A snapshot's chunks as float64 blocks, and parts of it as LightGBM sequences, in bounded memory.

LightGBM reads a sequence twice: single rows in ascending order for its sample (200,000), then slices in order.
Both walk the chunks from first to last, so a small data set is decoded once and stays; of a large one whatever was kept
would be dropped just before it is wanted again. Of that a block at a time is in memory, and the one that is known to
follow is decoded meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import lightgbm as lgb
import numpy as np

from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.records import Chunk
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store
from pulse_blocks.training.encoding import matrix

KEPT_BYTES = 64 * 2**20


class Blocks:
    """The matrix of each chunk, decoded on demand (hash-checked); all stay if they take ``KEPT_BYTES`` at most.

    Not for several threads.
    """

    def __init__(self, store: Store, chunks: Sequence[Chunk], features: Sequence[ColumnSpec]) -> None:
        self.chunks = tuple(chunks)
        self._store, self._features = store, tuple(features)
        self._names = [feature.name for feature in features]
        self._kept: dict[int, np.ndarray] = {}
        self._coming: dict[int, Future[np.ndarray]] = {}
        self._pool = ThreadPoolExecutor(1, "pulse-decode")
        self._keeps_all = sum(chunk.rows for chunk in self.chunks) * len(self._features) * 8 <= KEPT_BYTES

    def block(self, number: int, then: int | None = None) -> np.ndarray:
        """Rows by features of the chunk with this number; ``then`` is the one that will be asked for next."""
        found = self._kept.get(number)
        if found is None:
            if not self._keeps_all:
                self._kept.clear()
            coming = self._coming.pop(number, None)
            found = self._kept[number] = coming.result() if coming else self._decoded(number)
            self._coming.clear()
            if then is not None and then not in self._kept:
                self._coming[then] = self._pool.submit(self._decoded, then)
        return found

    def walk(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The features of the rows with these numbers in the snapshot (sorted), a chunk's at a time."""
        places = list(by_chunk(self.chunks, rows))
        for (number, positions), then in zip(places, _following(places), strict=True):
            yield self.block(number, then)[positions]

    def _decoded(self, number: int) -> np.ndarray:
        table = read_chunk(self._store, self.chunks[number], self._names)
        return matrix(table, self._features)


class Rows(lgb.Sequence):
    """Some rows of one chunk, by position, as LightGBM wants them."""

    def __init__(self, blocks: Blocks, number: int, positions: np.ndarray, then: int | None) -> None:
        self._blocks, self._number, self._positions, self._then = blocks, number, positions, then
        self.batch_size = max(positions.size, 1)

    def __len__(self) -> int:
        return int(self._positions.size)

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        return np.asarray(self._blocks.block(self._number, self._then)[self._positions[index]])


def part(blocks: Blocks, rows: np.ndarray) -> list[Rows]:
    """The rows with these numbers in the snapshot (sorted), as a sequence for each chunk that holds some."""
    places = list(by_chunk(blocks.chunks, rows))
    return [
        Rows(blocks, number, positions, then)
        for (number, positions), then in zip(places, _following(places), strict=True)
    ]


def _following(places: Sequence[tuple[int, np.ndarray]]) -> list[int | None]:
    """The number of the chunk after each; the last has none."""
    return [*(number for number, _ in places[1:]), None][: len(places)]


def by_chunk(chunks: Sequence[Chunk], rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Numbers of chunks, and positions within each, of the rows with these numbers (sorted)."""
    start = 0
    for number, chunk in enumerate(chunks):
        low, high = np.searchsorted(rows, (start, start + chunk.rows))
        if low < high:
            yield number, rows[low:high] - start
        start += chunk.rows
