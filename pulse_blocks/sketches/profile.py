"""The profile of a snapshot's rows: for each number a KLL sketch, for each category its counts.

Sketches do not serialise to the same bytes twice, so a profile is never part of what an id is made of.
"""

from __future__ import annotations

import base64
import functools
import math
import operator
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from pulse_blocks.records import Column, Record
from pulse_blocks.sketches.sorting import ascending

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

# Twice the datasketches default: ranks are within 0.7 % with 99 % confidence, at about 8 KB a column.
KLL_K = 400
MOST_VALUES = 1_000


class ColumnProfile(Record, frozen=True, kw_only=True):
    """One column. ``rows`` counts nulls too.

    Numbers have ``least``, ``greatest`` and ``mean`` over finite values and a KLL sketch of doubles (base64);
    ``infinite`` counts the others. Categories, booleans and strings have ``counts`` by value, None where there are more
    than 1,000 of them. Times have ``least`` and ``greatest`` in seconds since 1970.
    """

    type: str
    rows: int
    nulls: int
    infinite: int = 0
    least: float | None = None
    greatest: float | None = None
    mean: float | None = None
    sketch: str | None = None
    counts: dict[str, int] | None = None


class Profile(Record, frozen=True, kw_only=True):
    """The columns of a snapshot by name, in its order."""

    rows: int
    columns: dict[str, ColumnProfile]


class ProfileBuilder:
    """Takes the rows of a snapshot, a table at a time, from many threads at once and in any order.

    A column's numbers are sorted without the interpreter's lock, and let go before the next column's.
    """

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns = {column.name: _gatherer(column) for column in columns}

    def add(self, table: pa.Table, first: int = 0) -> None:
        """Take in some rows of canonical types. ``first`` is the number of the first one, which puts sums in order."""
        for name, gatherer in self._columns.items():
            gatherer.add(table.column(name), first)

    def result(self) -> Profile:
        """The profile of all rows so far."""
        columns = {name: gatherer.result() for name, gatherer in self._columns.items()}
        return Profile(rows=next((one.rows for one in columns.values()), 0), columns=columns)


def sketch_of(profile: ColumnProfile) -> Any:
    """The ``datasketches.kll_doubles_sketch`` of a numeric column, None for any other."""
    if profile.sketch is None:
        return None
    from datasketches import kll_doubles_sketch

    return kll_doubles_sketch.deserialize(base64.b64decode(profile.sketch, validate=True))


def _gatherer(column: Column) -> _Numbers | _Words | _Times:
    if column.type in ("float", "int"):
        return _Numbers(column.type)
    return _Times(column.type) if column.type in ("timestamp", "date") else _Words(column.type)


class _Numbers:
    def __init__(self, kind: str) -> None:
        from datasketches import kll_doubles_sketch

        self._kind, self._sketch = kind, kll_doubles_sketch(KLL_K)
        self._lock = threading.Lock()
        self._rows = self._nulls = self._infinite = self._finite = 0
        self._least, self._greatest = math.inf, -math.inf
        self._sums: list[tuple[int, float]] = []

    def add(self, column: pa.ChunkedArray, first: int) -> None:
        import numpy as np

        # A sketch takes sorted numbers in at half the cost, and its bounds hold for any order.
        values = ascending(_doubles(column))
        infinite = 0
        if len(values) and not (np.isfinite(values[0]) and np.isfinite(values[-1])):
            finite = values[np.isfinite(values)]
            values, infinite = finite, len(values) - len(finite)
        with self._lock:
            self._rows += len(column)
            self._nulls += column.null_count
            self._infinite += infinite
            if len(values):
                self._sketch.update(values)
                self._finite += len(values)
                self._sums.append((first, float(values.sum())))
                self._least = min(self._least, float(values[0]))
                self._greatest = max(self._greatest, float(values[-1]))

    def result(self) -> ColumnProfile:
        some = self._finite > 0
        return ColumnProfile(
            type=self._kind,
            rows=self._rows,
            nulls=self._nulls,
            infinite=self._infinite,
            least=self._least if some else None,
            greatest=self._greatest if some else None,
            mean=self._mean() if some else None,
            sketch=base64.b64encode(self._sketch.serialize()).decode("ascii"),
        )

    def _mean(self) -> float | None:
        """None where doubles cannot hold the sum. They are added in the order of the rows, whose mean has one value."""
        total = functools.reduce(operator.add, (part for _, part in sorted(self._sums)), 0.0)
        return total / self._finite if math.isfinite(total) else None


class _Words:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._rows = self._nulls = 0
        self._counts: Counter[str] | None = Counter()

    def add(self, column: pa.ChunkedArray, _first: int) -> None:
        counts = column.drop_null().value_counts().to_pylist() if self._counts is not None else []
        with self._lock:
            self._rows += len(column)
            self._nulls += column.null_count
            if self._counts is None:
                return
            for pair in counts:
                self._counts[_word(pair["values"])] += pair["counts"]
            if len(self._counts) > MOST_VALUES:
                self._counts = None

    def result(self) -> ColumnProfile:
        counts = dict(sorted(self._counts.items())) if self._counts is not None else None
        return ColumnProfile(type=self._kind, rows=self._rows, nulls=self._nulls, counts=counts)


class _Times:
    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._lock = threading.Lock()
        self._rows = self._nulls = 0
        self._least, self._greatest = math.inf, -math.inf

    def add(self, column: pa.ChunkedArray, _first: int) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        ends = pc.min_max(column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())).as_py()
        with self._lock:
            self._rows += len(column)
            self._nulls += column.null_count
            if ends["min"] is not None:
                self._least = min(self._least, ends["min"] / 1e6)
                self._greatest = max(self._greatest, ends["max"] / 1e6)

    def result(self) -> ColumnProfile:
        some = self._rows > self._nulls
        return ColumnProfile(
            type=self._kind,
            rows=self._rows,
            nulls=self._nulls,
            least=self._least if some else None,
            greatest=self._greatest if some else None,
        )


def _doubles(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    import pyarrow as pa

    values: np.ndarray[Any, Any] = column.drop_null().cast(pa.float64(), safe=False).to_numpy()
    return values


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
