"""Which rows make the reference sample: the same for the same snapshot, and spread over all of it.

Taken are the rows whose number in the snapshot has the smallest splitmix64: a simple random sample without replacement
whose seed is fixed. While the rows come, nobody knows how many there will be: ``Numbers`` picks whatever may belong to
the sample so far, and ``Sample`` lets go of what does not. In 1.25 million rows that is one in twenty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pulse_blocks.snapshots.borders import splitmix64
from pulse_blocks.snapshots.digest import one_batch

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Rows = np.ndarray[Any, np.dtype[np.int64]]

SAMPLE_ROWS = 10_000
# So many small tables become one: a table of seven rows takes far more memory than its values.
_PARTS = 32


class Picked(NamedTuple):
    """The number of a chunk's first row, and the positions in the chunk, ascending, that may be sampled."""

    first: int
    positions: Rows


class Numbers:
    """Picks rows by their number, chunk after chunk. Needs memory for twice ``most`` numbers only."""

    def __init__(self, most: int = SAMPLE_ROWS) -> None:
        import numpy as np

        self._most = most
        self._next = 0
        self._hashes = np.empty(0, np.uint64)

    def pick(self, rows: int) -> Picked:
        """Which of the next ``rows`` rows may be sampled."""
        import numpy as np

        start, self._next = self._next, self._next + rows
        hashes = _hashes(np.arange(start, self._next, dtype=np.int64))
        if start >= self._most:
            near = hashes <= self._hashes.max()
            self._hashes = np.concatenate([self._hashes, hashes[near]])
        else:
            near = np.ones(rows, np.bool_)
            self._hashes = np.concatenate([self._hashes, hashes])
        if len(self._hashes) > self._most:
            self._hashes = np.partition(self._hashes, self._most - 1)[: self._most]
        return Picked(start, np.flatnonzero(near))


class Sample:
    """The sampled ones of the rows that it is given with their numbers, in any order."""

    def __init__(self, most: int = SAMPLE_ROWS) -> None:
        self._most = most
        self._numbers: list[Rows] = []
        self._tables: list[pa.Table] = []

    def add(self, numbers: Rows, rows: pa.Table) -> None:
        """Take in some rows and their numbers in the snapshot."""
        self._numbers.append(numbers)
        self._tables.append(rows)
        if len(self._tables) == _PARTS or sum(map(len, self._numbers)) > 2 * self._most:
            self._settle()

    def rows(self) -> pa.RecordBatch:
        """The sample of all rows so far, by their number."""
        self._settle()
        return one_batch(self._tables[0])

    def _settle(self) -> None:
        import numpy as np
        import pyarrow as pa

        numbers = np.concatenate(self._numbers)
        order = np.argsort(numbers)
        if len(numbers) > self._most:
            hashes = _hashes(numbers[order])
            order = order[hashes <= np.partition(hashes, self._most - 1)[self._most - 1]]
        table = pa.concat_tables(self._tables).take(pa.array(order))
        self._numbers, self._tables = [numbers[order]], [pa.Table.from_batches([one_batch(table)])]


def _hashes(numbers: Rows) -> np.ndarray[Any, np.dtype[np.uint64]]:
    import numpy as np

    return splitmix64(numbers.view(np.uint64))
