"""Which rows are held out."""

from __future__ import annotations

import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import SplitSpec


def held_out(split: SplitSpec, seed: int, rows: np.ndarray, days: np.ndarray | None) -> np.ndarray:
    """A mask over ``rows`` (numbers in the snapshot): True where a row is held out.

    By time it is the last ``test`` share of the distinct ``days`` (numbers of days); at random each row is
    decided by a hash of its number and ``seed``, whatever the other rows are. Raises
    PulseError("training.split") where one of the two parts would be empty.
    """
    mask = (
        _last_days(split.test, days)
        if split.by == "time" and days is not None
        else _hashed(split.test, seed, rows)
    )
    if mask.all() or not mask.any():
        raise PulseError(
            "training.split",
            f"A split by {split.by} that holds out {split.test:g} of {rows.size:,} rows leaves one part empty.",
            "Take more rows or days, or another training.split.test.",
        )
    return mask


def _last_days(share: float, days: np.ndarray) -> np.ndarray:
    distinct = np.unique(days)
    if distinct.size < 2:
        return np.zeros(days.size, np.bool_)
    last = min(max(round(distinct.size * share), 1), distinct.size - 1)
    return np.asarray(days >= distinct[-last])


def _hashed(share: float, seed: int, rows: np.ndarray) -> np.ndarray:
    """splitmix64 of the row's number: stable over versions of NumPy, as a random generator is not."""
    with np.errstate(over="ignore"):
        z = rows.astype(np.uint64) + np.uint64(seed) * np.uint64(0xD1342543DE82EF95)
        z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.asarray(z < np.uint64(int(share * 2**64)))
