"""Exact quantiles of a column of any length in bounded memory, by a few passes over it.

Values become unsigned integers of the same order. Where there are too many to keep, a pass counts them by their
next 16 bits, which says in which of 65,536 intervals the wanted one lies; the next pass looks into that alone.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

Keys = np.ndarray[Any, np.dtype[np.uint64]]
# Values kept in memory: 2 MB for each quantile.
MOST_KEPT = 262_144
_BITS, _DIGITS = 16, 4
_SIGN = np.uint64(1 << 63)


def keys_of(values: np.ndarray[Any, Any]) -> Keys:
    """Integers of 64 bits or finite doubles as unsigned integers in the same order; -0.0 is 0.0."""
    if values.dtype == np.int64:
        return values.view(np.uint64) ^ _SIGN
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits ^ _SIGN)


class Selection:
    """The least value that a share ``q`` of all values does not exceed (SQL's PERCENTILE_DISC).

    ``add`` all values and ``settle``, again and again until that says that the value is found.
    """

    def __init__(self, q: float, most: int, *, integers: bool) -> None:
        """``most`` is an upper bound of the number of values; ``q`` is taken as the decimal that is written."""
        self._share = Fraction(repr(q))
        self._integers = integers
        self._rank: int | None = None
        self._known, self._prefix = 0, 0
        self._start_pass(most)
        self.value: float | None = None

    def _start_pass(self, most: int) -> None:
        self._kept: list[Keys] | None = [] if most <= MOST_KEPT else None
        self._counts = np.zeros(0 if most <= MOST_KEPT else 1 << _BITS, np.int64)

    def add(self, keys: Keys) -> None:
        """Take in values, as ``keys_of`` gives them."""
        if self._known:
            keys = keys[keys >> np.uint64(64 - self._known * _BITS) == self._prefix]
        if self._kept is not None:
            self._kept.append(keys)
        else:
            digits = (keys >> np.uint64(64 - (self._known + 1) * _BITS)) & np.uint64((1 << _BITS) - 1)
            self._counts += np.bincount(digits.astype(np.int64), minlength=1 << _BITS)

    def settle(self) -> bool:
        """End a pass: whether no further one is needed. ``value`` stays None where there is no value at all."""
        kept = None if self._kept is None else np.concatenate([np.empty(0, np.uint64), *self._kept])
        count = len(kept) if kept is not None else int(self._counts.sum())
        if self._rank is None:
            self._rank = max(math.ceil(self._share * count), 1)
        if count == 0:
            return True
        if kept is not None:
            self.value = self._value(int(np.partition(kept, self._rank - 1)[self._rank - 1]))
            return True
        return self._narrow()

    def _narrow(self) -> bool:
        totals = np.cumsum(self._counts)
        digit = int(np.searchsorted(totals, self._rank or 0))
        inside = int(self._counts[digit])
        self._rank = int(self._rank or 0) - (int(totals[digit]) - inside)
        self._prefix, self._known = (self._prefix << _BITS) | digit, self._known + 1
        if self._known == _DIGITS:
            self.value = self._value(self._prefix)
            return True
        self._start_pass(inside)
        return False

    def _value(self, key: int) -> float:
        word = np.uint64(key)
        if self._integers:
            return int((word ^ _SIGN).view(np.int64))
        return float((word ^ _SIGN if word & _SIGN else ~word).view(np.float64))
