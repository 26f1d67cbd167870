"""Null shares, means and quantiles: exact, over accepted rows, however many chunks there are."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.stores import Store, open_store
from pulse_blocks.validation import groups, load_report, selection, validate
from pulse_blocks.validation.selection import Selection, keys_of
from tests import small_data


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def message(store: Store, check: dict[str, Any], values: dict[str, Any] | None = None) -> tuple[bool, str]:
    """Whether a check holds, and its sentence."""
    contract = small_data.protocol(checks=[{**check, "severity": "warn"}])
    given = small_data.columns() if values is None else values
    verdict = validate(contract, small_data.snapshot_of(store, contract, given), store)
    (result,) = load_report(store, verdict).checks
    return result.passed, result.message


def with_nulls(column: str, rows: int) -> dict[str, Any]:
    values = small_data.columns()
    changed = list(values[column])
    changed[:rows] = [None] * rows
    return {**values, column: changed}


@pytest.mark.parametrize(("nulls", "passed"), [(0, True), (70, True), (71, False)])
def test_null_share(store: Store, nulls: int, passed: bool) -> None:
    """At most the share that is written, to the row: 70 of 1,000 is 0.07, though floats say a hair less."""
    found = message(store, {"nulls": {"column": "distance", "at_most": 0.07}}, with_nulls("distance", nulls))
    said = f"distance is null in {nulls} of 1,000 rows ({nulls / 1000:.2%}); the protocol allows 7%."
    assert found == (passed, said)


@pytest.mark.parametrize(
    ("bounds", "passed", "words"),
    [
        ({"ge": 24, "le": 26}, True, "the protocol asks for at least 24 and at most 26."),
        ({"ge": 26}, False, "the protocol asks for at least 26."),
        ({"le": 24}, False, "the protocol asks for at most 24."),
    ],
)
def test_mean(store: Store, bounds: dict[str, float], passed: bool, words: str) -> None:
    """Both bounds belong to the range; the sentence has the value found."""
    mean = small_data.columns()["weight"].mean()
    found = message(store, {"mean": {"column": "weight", **bounds}})
    assert found == (passed, f"The mean of weight is {mean:.6g}; {words}")


def test_the_mean_of_a_boolean_is_a_share(store: Store) -> None:
    """The base rate of a target, say."""
    share = float(small_data.columns()["late"].mean())
    assert message(store, {"mean": {"column": "late", "ge": share, "le": share}})[0]


@pytest.mark.parametrize("q", [0, 0.07, 0.5, 0.99, 1])
def test_quantile(store: Store, q: float) -> None:
    """The least value that a share q of the values does not exceed, nulls aside, found exactly."""
    values = with_nulls("distance", 100)
    ordered = sorted(float(value) for value in values["distance"] if value is not None)
    exact = ordered[max(math.ceil(Fraction(str(q)) * 900), 1) - 1]
    check = {"quantile": {"column": "distance", "q": q, "ge": exact, "le": exact}}
    passed, said = message(store, check, values)
    assert passed, said
    assert said.startswith(f"The quantile {q:g} of distance is {exact:,.6g}; ")


def test_rows_in_quarantine_do_not_count(store: Store) -> None:
    """What is not trained on cannot spoil a mean."""
    values = small_data.columns()
    contract = small_data.protocol(
        checks=[{"mean": {"column": "weight", "le": 26}}, {"nulls": {"column": "weight", "at_most": 0}}]
    )
    weight = list(values["weight"])
    weight[3], weight[500] = 1e300, None
    verdict = validate(contract, small_data.snapshot_of(store, contract, {**values, "weight": weight}), store)
    assert verdict.quarantined == 2
    assert "0 of 998 rows" in load_report(store, verdict).checks[1].message


def test_a_column_without_values_has_no_mean(store: Store) -> None:
    """What does not exist is not within bounds."""
    values = with_nulls("distance", 1000)
    for check in (
        {"mean": {"column": "distance", "ge": 0}},
        {"quantile": {"column": "distance", "q": 0.5, "ge": 0}},
    ):
        passed, said = message(store, check, values)
        assert not passed
        assert said.endswith("of distance does not exist: no row has a value.")


def test_a_failed_check_fails_the_run(store: Store) -> None:
    """In its own words, beside all others."""
    contract = small_data.protocol(
        checks=[{"rows": {"ge": 2000}}, {"quantile": {"column": "stops", "q": 0.5, "ge": 15}}]
    )
    with pytest.raises(PulseError, match=r"1,000 rows; .* The quantile 0\.5 of stops is \d+;") as refusal:
        validate(contract, small_data.snapshot_of(store, contract, small_data.columns()), store)
    assert refusal.value.code == "validation.failed"


def test_many_groups_and_passes_find_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the size of a group nor what is kept in memory makes a difference."""
    contract = small_data.protocol(
        checks=[
            {"quantile": {"column": column, "q": q, "ge": 1e18}, "severity": "warn"}
            for column in ("distance", "stops")
            for q in (0.01, 0.5, 0.9)
        ]
        + [{"mean": {"column": "distance", "ge": 1e18}, "severity": "warn"}]
    )
    snapshot = small_data.snapshot_of(store, contract, small_data.columns(30_000))
    assert len(snapshot.chunks) > 1
    first = load_report(store, validate(contract, snapshot, store)).checks
    monkeypatch.setattr(groups, "GROUP_ROWS", 1)
    monkeypatch.setattr(selection, "MOST_KEPT", 10)
    assert load_report(store, validate(contract, snapshot, store)).checks == first


@pytest.mark.parametrize("most_kept", [0, 3, 1000])
@pytest.mark.parametrize("kind", ["int", "float"])
def test_selection_is_exact_at_the_ends_of_64_bits(
    kind: str, most_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Integers beyond 2**53, the smallest and the largest floats, both zeros, one value many times."""
    monkeypatch.setattr(selection, "MOST_KEPT", most_kept)
    draw = np.random.default_rng(0)
    if kind == "int":
        ends = [-(2**63), 2**63 - 1, 2**53, 2**53 + 1, 0, -1, 1]
        values = np.array([*ends, *draw.integers(-(2**63), 2**63 - 1, 200), *[7] * 100], np.int64)
    else:
        ends = [5e-324, -5e-324, 1.7e308, -1.7e308, 0.0, -0.0, 1.0, np.nextafter(1, 2)]
        values = np.array([*ends, *draw.normal(size=200), *[7.5] * 100])
    for q in (0.0, 0.001, 0.25, 0.5, 0.75, 0.999, 1.0):
        search = Selection(q, len(values), integers=kind == "int")
        for _ in range(6):
            for part in np.array_split(values, 5):
                search.add(keys_of(part))
            if search.settle():
                break
        else:
            pytest.fail("not found")
        exact = np.sort(values)[max(math.ceil(Fraction(repr(q)) * len(values)), 1) - 1]
        assert search.value == exact


def test_a_sum_beyond_floats_has_a_mean(store: Store) -> None:
    """Sums of very large and of very many values neither overflow nor lose what is small."""
    values = {**small_data.columns(), "distance": np.full(1000, 1.7e308)}
    passed, said = message(store, {"mean": {"column": "distance", "ge": 1.7e308, "le": 1.7e308}}, values)
    assert passed, said
    values["distance"] = np.array([2.0**53, 1.0, 1.0, 0.0] * 250)
    exact = 2.0**51 + 0.5
    passed, said = message(store, {"mean": {"column": "distance", "ge": exact, "le": exact}}, values)
    assert passed, said
