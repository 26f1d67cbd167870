"""Which rows make the reference sample: the same for the same snapshot, and spread over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pulse_blocks.records import Chunk
from pulse_blocks.snapshots.borders import splitmix64

if TYPE_CHECKING:
    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.int64]]

SAMPLE_ROWS = 10_000


def sampled(chunks: Sequence[Chunk], most: int = SAMPLE_ROWS) -> list[Numbers]:
    """For each chunk the positions of its sampled rows, ascending.

    Taken are the rows whose number has the smallest splitmix64: a simple random sample without replacement
    whose seed is fixed. Needs memory for twice ``most`` numbers only.
    """
    import numpy as np

    numbers, hashes = np.empty(0, np.int64), np.empty(0, np.uint64)
    start = 0
    for chunk in chunks:
        more = np.arange(start, start + chunk.rows, dtype=np.int64)
        numbers = np.concatenate([numbers, more])
        hashes = np.concatenate([hashes, splitmix64(more.view(np.uint64))])
        if len(numbers) > most:
            kept = np.argpartition(hashes, most - 1)[:most]
            numbers, hashes = numbers[kept], hashes[kept]
        start += chunk.rows
    numbers.sort()
    borders = np.cumsum([0, *(chunk.rows for chunk in chunks)])
    parts = np.split(numbers, np.searchsorted(numbers, borders[1:-1]))
    return [part - border for part, border in zip(parts, borders[:-1], strict=True)]
