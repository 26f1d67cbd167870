"""Uniqueness by hash, with an exact look at suspects."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pulse_blocks.validation.uniqueness import Uniqueness

pairs = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["a", "b", None])), max_size=30)


def repeated(unique: Uniqueness, frame: pl.DataFrame) -> list[int]:
    return unique.repeated(lambda rows, names: frame[rows].select(names)).tolist()


@given(pairs, st.integers(1, 7))
def test_same_as_looking_at_every_pair(rows: list[tuple[int, str | None]], size: int) -> None:
    """Exactly the rows whose values an earlier row has, in whatever groups they come; nulls equal nothing."""
    frame = pl.DataFrame(rows, schema={"number": pl.Int64, "letter": pl.String}, orient="row")
    unique = Uniqueness(["number", "letter"])
    for start in range(0, frame.height, size):
        unique.add(frame[start : start + size], start)
    expected = [at for at, row in enumerate(rows) if row[1] is not None and row in rows[:at]]
    assert repeated(unique, frame) == expected


def test_equal_hashes_of_different_rows() -> None:
    """Rows with the same hash and other values are no doubles."""
    frame = pl.DataFrame({"number": [1, 2, 3, 2]})
    unique = Uniqueness(["number"])
    unique.add(frame, 0)
    unique._hashes = [np.zeros(4, np.uint64)]
    assert repeated(unique, frame) == [3]
