"""Who trains on which rows: contiguous in the snapshot, of equal size, in the order of the ranks."""

from __future__ import annotations

import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Record


class RowSet(Record, frozen=True, kw_only=True):
    """Row numbers of a snapshot as a bit for each row from ``first`` on."""

    first: int = 0
    count: int = 0
    bits: bytes = b""

    @classmethod
    def of(cls, rows: np.ndarray) -> RowSet:
        """The set of these numbers (sorted)."""
        if rows.size == 0:
            return cls()
        first, count = int(rows[0]), int(rows[-1] - rows[0]) + 1
        mask = np.zeros(count, np.bool_)
        mask[rows - first] = True
        return cls(first=first, count=count, bits=np.packbits(mask).tobytes())

    def numbers(self) -> np.ndarray:
        """The row numbers again, sorted."""
        packed = np.frombuffer(self.bits, np.uint8)
        return np.flatnonzero(np.unpackbits(packed, count=self.count)) + self.first


def divided(rows: np.ndarray, workers: int) -> list[np.ndarray]:
    """Training rows (sorted) in as many contiguous parts as there are workers, none more than a row larger.

    Only the rows and the number of workers decide it, so that it is the same for the same snapshot and protocol.
    Raises PulseError("training.workers") where a worker would have none.
    """
    if rows.size < workers:
        raise PulseError(
            "training.workers",
            f"{workers} workers cannot share {rows.size} training rows.",
            "Lower training.resources.workers.",
        )
    return np.array_split(rows, workers)
