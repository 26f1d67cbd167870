"""A sketch says what the rows say, within the bound that is documented."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from datasketches import kll_doubles_sketch

from pulse_blocks.sketches import kll
from pulse_blocks.sketches.distances import Reference, jensen_shannon
from pulse_blocks.sketches.profile import KLL_K
from pulse_blocks.sketches.reference import QUANTILES, ColumnReference


def column(values: np.ndarray) -> ColumnReference:
    """The reference of a number, as a bundle carries it."""
    return ColumnReference(
        method="wasserstein",
        weight=1.0,
        threshold=0.1,
        typical=0.0,
        noise=1.0,
        missing=0.0,
        missing_spread=0.0,
        deviation=float(np.std(values)),
        quantiles=tuple(np.quantile(values, np.linspace(0, 1, QUANTILES))),
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rows", [40, 1_000, 60_000])
def test_within_the_bound(seed: int, rows: int) -> None:
    """For normal, skewed and coarse numbers, shifted or not."""
    draw = np.random.default_rng(seed)
    shapes = (
        lambda size: draw.normal(size=size),
        lambda size: draw.exponential(size=size),
        lambda size: draw.integers(0, 24, size) * 1.0,
    )
    shape = shapes[seed % 3]
    before, now = shape(10_000), shape(rows) + 0.3 * (seed // 3)
    sketch = kll_doubles_sketch(KLL_K)
    sketch.update(now)
    known, one = Reference(np.sort(before), categorical=False), column(before)
    bound = kll.error_bound(one, sketch)
    assert kll.wasserstein(one, sketch) == pytest.approx(known.distance("wasserstein", now), abs=bound)
    # A coarse number's steps are between two quantiles: half a percent each.
    slack = 2 * kll.rank_error(sketch) + 2 / (QUANTILES - 1) + (0.05 if seed % 3 == 2 else 0.0)
    assert kll.kolmogorov_smirnov(one, sketch) == pytest.approx(known.distance("ks", now), abs=slack)


def test_the_error_is_that_of_k() -> None:
    """As the documentation says: 0.0068 once rows are left out, none before."""
    sketch = kll_doubles_sketch(KLL_K)
    sketch.update(np.arange(100.0))
    assert kll.rank_error(sketch) == 0.0
    sketch.update(np.arange(100_000.0))
    assert kll.rank_error(sketch) == pytest.approx(0.0068, abs=5e-5)


def test_merged_sketches_weigh_what_they_should() -> None:
    """Whatever levels a merge leaves empty, the shares are those of the rows, within the sketch's error."""
    draw = np.random.default_rng(5)
    for sizes in ([749, 821, 956, 956, 958, 963, 905], [1_000] * 7, [959, 980, 988]):
        parts = [draw.normal(at, 1, size) for at, size in enumerate(sizes)]
        whole = kll_doubles_sketch(KLL_K)
        for part in parts:
            sketch = kll_doubles_sketch(KLL_K)
            sketch.update(np.sort(part))
            whole.merge(sketch)
        values, shares = kll.weighted(whole)
        rows = np.sort(np.concatenate(parts))
        known = np.searchsorted(rows, values, "right") / rows.size
        assert shares.sum() == pytest.approx(1.0)
        assert np.abs(np.cumsum(shares) - known).max() < 2 * kll.rank_error(whole)


def test_a_constant() -> None:
    """No spread on either side is no distance, and no division by nothing."""
    sketch = kll_doubles_sketch(KLL_K)
    sketch.update(np.full(10, 3.0))
    assert kll.wasserstein(column(np.full(50, 3.0)), sketch) == 0.0


def test_shares_by_bin_and_by_category() -> None:
    """Close to what the rows give by Jensen-Shannon; of categories exactly that, unseen ones included."""
    draw = np.random.default_rng(4)
    before, now = draw.normal(size=10_000), draw.normal(0.5, 1, 6_000)
    sketch = kll_doubles_sketch(KLL_K)
    sketch.update(now)
    shares = kll.binned(column(before), sketch, before.size)
    theirs = Reference(np.sort(before), categorical=False).distance("jensenshannon", now)
    assert jensen_shannon(*shares) == pytest.approx(theirs, abs=0.03)
    words = msgspec.structs.replace(column(before), shares={"a": 0.5, "b": 0.5})
    codes = Reference(np.array([0.0] * 50 + [1.0] * 50), categorical=True)
    known = codes.distance("jensenshannon", np.array([1.0] * 30 + [2.0] * 10))
    assert jensen_shannon(*kll.counted(words, {"b": 30, "rocket": 10})) == pytest.approx(known)
