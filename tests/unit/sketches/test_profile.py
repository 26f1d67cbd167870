"""Profiles: counts are exact, ranks are close, and nothing in a column breaks them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa

from pulse_blocks.records import Column, from_json, to_json
from pulse_blocks.sketches.profile import MOST_VALUES, Profile, ProfileBuilder, sketch_of


def _profile(kind: str, values: list[pa.Array]) -> Profile:
    builder = ProfileBuilder((Column(name="x", type=kind, nullable=True),))
    for part in values:
        builder.add(pa.table({"x": part}))
    return from_json(to_json(builder.result()), Profile)


def test_numbers() -> None:
    """Nulls, ends and mean are exact; quantiles of the sketch are within 1 % of rank."""
    values = np.random.default_rng(7).gamma(2.0, 3.0, 50_000)
    parts = [pa.array(part) for part in np.split(values, 10)] + [pa.array([None, None], pa.float64())]
    column = _profile("float", parts).columns["x"]
    assert (column.rows, column.nulls, column.infinite) == (50_002, 2, 0)
    assert (column.least, column.greatest) == (values.min(), values.max())
    assert column.mean is not None
    assert math.isclose(column.mean, values.mean())
    sketch = sketch_of(column)
    for rank in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert abs((values <= sketch.get_quantile(rank)).mean() - rank) < 0.01


def test_one_mean_in_whatever_order() -> None:
    """Tables that many threads add as they come have the mean, to the last bit, that their rows have in order."""
    values = np.random.default_rng(7).lognormal(0.0, 4.0, (64, 500))
    means = []
    for threads, order in ((1, range(64)), (1, reversed(range(64))), (8, range(64))):
        builder = ProfileBuilder((Column(name="x", type="float", nullable=True),))
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda part, to=builder: to.add(pa.table({"x": values[part]}), part * 500), order))
        column = builder.result().columns["x"]
        assert column.rows == sketch_of(column).n == values.size
        means.append(column.mean)
    assert len(set(means)) == 1


def test_infinite_numbers_and_large_ones() -> None:
    """Infinity is counted apart; whole numbers beyond 2**53 do not fail."""
    column = _profile("float", [pa.array([1.0, math.inf, -math.inf, None])]).columns["x"]
    assert (column.infinite, column.least, column.greatest, column.nulls) == (2, 1.0, 1.0, 1)
    assert _profile("int", [pa.array([2**62 + 1, 0])]).columns["x"].greatest == float(2**62)


def test_no_values() -> None:
    """A column of nulls has a profile without ends."""
    for kind, array in (
        ("float", pa.array([None], pa.float64())),
        ("timestamp", pa.array([None], pa.timestamp("us", "UTC"))),
        ("string", pa.array([None], pa.string())),
    ):
        column = _profile(kind, [array]).columns["x"]
        assert (column.rows, column.nulls, column.least, column.greatest) == (1, 1, None, None)


def test_categories() -> None:
    """Every value is counted, over all tables; booleans by their JSON names."""
    parts = [pa.array(["a", "b", None]), pa.array(["a"])]
    assert _profile("category", parts).columns["x"].counts == {"a": 2, "b": 1}
    assert _profile("bool", [pa.array([True, False, True])]).columns["x"].counts == {"false": 1, "true": 2}
    assert _profile("category", [pa.array([3, 1, 3])]).columns["x"].counts == {"1": 1, "3": 2}


def test_too_many_values() -> None:
    """A column such as a key is not counted value by value."""
    many = pa.array([str(number) for number in range(MOST_VALUES + 1)])
    column = _profile("string", [many, pa.array(["0", None])]).columns["x"]
    assert (column.counts, column.rows, column.nulls) == (None, MOST_VALUES + 3, 1)


def test_times() -> None:
    """The ends of a time are seconds since 1970."""
    times = pa.array([0, 86_400_500_000, None], pa.timestamp("us", "UTC"))
    column = _profile("timestamp", [times]).columns["x"]
    assert (column.least, column.greatest) == (0.0, 86_400.5)
    assert _profile("date", [pa.array([1], pa.date32())]).columns["x"].least == 86_400.0
