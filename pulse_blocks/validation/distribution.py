"""Null shares, means and quantiles over the accepted rows: passes of their own, over the columns concerned."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import polars as pl

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot
from pulse_blocks.stores.base import Store
from pulse_blocks.validation.groups import groups
from pulse_blocks.validation.selection import Selection, keys_of

_SCALE = 2.0**64


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found over ``rows`` accepted rows; a mean or a quantile of no value at all is None."""

    rows: int = 0
    nulls: dict[str, int] = {}
    means: dict[str, float | None] = {}
    quantiles: dict[tuple[str, float], float | None] = {}


def measure(protocol: Protocol, snapshot: Snapshot, store: Store, quarantined: np.ndarray) -> Measured:
    """Everything that the protocol's checks on distributions ask for; reads nothing where there are none.

    Row numbers in ``quarantined`` are sorted; those rows do not count, as they are not trained on.
    """
    kept = snapshot.rows - len(quarantined)
    nulls = dict.fromkeys((check.nulls.column for check in protocol.checks if check.nulls), 0)
    sums = {check.mean.column: _Sum() for check in protocol.checks if check.mean}
    asked = [(check.quantile.column, check.quantile.q) for check in protocol.checks if check.quantile]
    types = {column.name: column.type for column in snapshot.columns}
    searches = {one: Selection(one[1], kept, integers=types[one[0]] == "int") for one in asked}
    if not (nulls or sums or searches):
        return Measured()
    wanted = list(dict.fromkeys([*nulls, *sums, *(name for name, _ in searches)]))
    open_searches = dict(searches)
    for frame in _accepted(store, snapshot, wanted, quarantined):
        for name in nulls:
            nulls[name] += frame.get_column(name).null_count()
        for name, total in sums.items():
            total.add(frame.get_column(name))
        _search(open_searches, frame)
    while open_searches := {one: search for one, search in open_searches.items() if not search.settle()}:
        for frame in _accepted(store, snapshot, [name for name, _ in open_searches], quarantined):
            _search(open_searches, frame)
    return Measured(
        rows=kept,
        nulls=nulls,
        means={name: total.mean() for name, total in sums.items()},
        quantiles={one: search.value for one, search in searches.items()},
    )


def _accepted(
    store: Store, snapshot: Snapshot, columns: list[str], quarantined: np.ndarray
) -> Iterator[pl.DataFrame]:
    for group in groups(store, snapshot, list(dict.fromkeys(columns))):
        low, high = np.searchsorted(quarantined, (group.start, group.start + group.frame.height))
        keep = np.ones(group.frame.height, np.bool_)
        keep[quarantined[low:high] - group.start] = False
        yield group.frame if low == high else group.frame.filter(pl.Series(keep))


def _search(searches: dict[tuple[str, float], Selection], frame: pl.DataFrame) -> None:
    keys: dict[str, Any] = {}
    for (name, _), search in searches.items():
        if name not in keys:
            keys[name] = keys_of(frame.get_column(name).drop_nulls().to_numpy())
        search.add(keys[name])


class _Sum:
    """A sum without accumulated error: exact within a group up to one rounding, exact over groups."""

    def __init__(self) -> None:
        self._total = Fraction(0)
        self._count = 0

    def add(self, values: pl.Series) -> None:
        there = values.drop_nulls().to_numpy()
        self._count += len(there)
        if there.dtype == np.bool_:
            self._total += int(there.sum())
        elif there.dtype == np.int64:
            # The upper and the lower half each, since 64 bits do not hold the sum.
            self._total += (int((there >> 32).sum()) << 32) + int((there & 0xFFFFFFFF).sum())
        else:
            try:
                self._total += Fraction(math.fsum(there))
            except OverflowError:
                self._total += Fraction(math.fsum(there / _SCALE)) * int(_SCALE)

    def mean(self) -> float | None:
        return float(self._total / self._count) if self._count else None
