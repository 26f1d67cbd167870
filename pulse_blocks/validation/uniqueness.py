"""Uniqueness over a whole snapshot in bounded memory: 9 bytes a row, and an exact look at suspects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

_SEED = 0x9E3779B9


class Uniqueness:
    """Collects a 64-bit hash of ``columns`` for each row; equal hashes are compared exactly in the end.

    As in SQL, a row with a null in one of the columns equals no other.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self._hashes: list[np.ndarray] = []
        # For each block the number of its first row, and which of its rows have a hash.
        self._whole: list[tuple[int, np.ndarray]] = []

    def add(self, frame: pl.DataFrame, start: int) -> None:
        """Take in the rows of ``frame``, whose first has the number ``start``."""
        wanted = frame.select(self.columns)
        whole = wanted.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()
        hashes = wanted.hash_rows(_SEED).to_numpy()
        self._hashes.append(hashes[whole])
        self._whole.append((start, whole))

    def repeated(self, read: Callable[[np.ndarray, list[str]], pl.DataFrame]) -> np.ndarray:
        """The numbers of the rows whose values an earlier row has, sorted.

        ``read`` gives the columns of the rows with the given (sorted) numbers.
        """
        if not self._hashes:
            return np.empty(0, np.int64)
        # numpy's AVX-512 sort takes twice as long on some processors.
        ordered = pl.Series(np.concatenate(self._hashes)).sort(multithreaded=False).to_numpy()
        shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        if not shared.size:
            return np.empty(0, np.int64)
        blocks = zip(self._hashes, self._whole, strict=True)
        suspects = np.concatenate(
            [np.flatnonzero(whole)[_among(hashes, shared)] + start for hashes, (start, whole) in blocks]
        )
        frame = read(suspects, self.columns)
        later = frame.select(pl.struct(pl.all()).is_first_distinct().not_()).to_series().to_numpy()
        return np.asarray(suspects[later])


def _among(hashes: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Which hashes are among a few that are sorted: ``np.isin`` would sort them all once more."""
    places = np.minimum(np.searchsorted(few, hashes), len(few) - 1)
    return np.asarray(few[places] == hashes)
