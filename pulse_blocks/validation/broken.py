"""The rows that break a rule, kept as they are stored from the pass that finds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pulse_blocks.records import Snapshot
from pulse_blocks.stores.base import Store
from pulse_blocks.validation.groups import Group, rows_at

# Some tens of MB where rows are wide. Data with more rows that break rules are refused by nearly every protocol.
MOST_KEPT = 65_536


class BrokenRows:
    """Rows by their number in the snapshot. Past ``MOST_KEPT`` none are kept, and all are read again instead."""

    def __init__(self) -> None:
        self._numbers: list[np.ndarray] = []
        self._tables: list[pa.Table] = []
        self._room = MOST_KEPT

    def keep(self, group: Group, positions: np.ndarray) -> None:
        """Take in the rows at these positions of ``group`` (sorted), unless that is too many."""
        self._room -= positions.size
        if self._room < 0:
            self._numbers, self._tables = [], []
        elif positions.size:
            self._numbers.append(positions + group.start)
            self._tables.append(group.stored(positions))

    def table(self, store: Store, snapshot: Snapshot, rows: np.ndarray, columns: Sequence[str]) -> pa.Table:
        """The rows with these numbers (sorted, at least one), in their order; what was not kept is read."""
        known = np.concatenate([np.empty(0, np.int64), *self._numbers])
        kept = np.isin(known, rows, assume_unique=True)
        missing = rows[np.isin(rows, known, assume_unique=True, invert=True)]
        parts = [part for _, part in rows_at(store, snapshot, missing, columns)]
        if kept.any():
            parts.insert(0, pa.concat_tables(self._tables).select(list(columns)).filter(pa.array(kept)))
        order = np.argsort(np.concatenate((known[kept], missing)))
        return pa.concat_tables(parts).take(pa.array(order)).combine_chunks()
