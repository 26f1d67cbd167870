"""What is decided on validation rows, how rows count, which are held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, log_loss

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import SplitSpec
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import Fitted, fit, trees_sha256
from pulse_blocks.training.encoding import matrix
from pulse_blocks.training.evaluation import predict
from pulse_blocks.training.params import parameters
from pulse_blocks.training.parts import Parts, prepare
from pulse_blocks.training.split import held_out, validation
from pulse_blocks.training.threshold import best_f1
from pulse_blocks.validation import validate
from tests import small_data

ROWS = 3000
AUTO = {"decision": {"threshold": "auto"}}
BASE = {"seed": 3, "params": {"num_leaves": 7}, "rounds": 40, "metrics": ["roc_auc", "f1_score"]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def fitted(
    store: Store, values: dict[str, Any], output: dict[str, Any] | None = None, **training: Any
) -> Fitted:
    contract = small_data.protocol(training={**BASE, **training}, output=output or {})
    snapshot = small_data.snapshot_of(store, contract, values)
    return fit(contract, snapshot, validate(contract, snapshot, store), store)


def parts(store: Store, values: dict[str, Any], **training: Any) -> Parts:
    contract = small_data.protocol(training={**BASE, **training})
    snapshot = small_data.snapshot_of(store, contract, values)
    return prepare(contract, snapshot, validate(contract, snapshot, store), store)


def test_stops_at_the_best_round_of_the_validation_rows(store: Store) -> None:
    """The model ends with the round that is best there, and held-out rows have no say in it."""
    found = fitted(store, small_data.columns(ROWS), rounds=300, early_stopping={"rounds": 10})
    losses = found.history["validation/binary_logloss"]
    assert found.rounds == int(np.argmin(losses)) + 1
    assert len(losses) == found.rounds + 10
    assert found.text.count(b"\nTree=") == found.rounds < 300
    assert found.train_rows + found.validation_rows + found.test_rows == ROWS


def test_the_best_round_is_kept_where_rounds_add_no_tree(store: Store) -> None:
    """Rounds that find no split count as rounds and add no tree: the model's loss is that of the best round."""
    contract = small_data.protocol(
        training={
            **BASE,
            "params": {
                "num_leaves": 7,
                "feature_fraction": 0.4,
                "min_gain_to_split": 2,
                "learning_rate": 0.3,
            },
            "rounds": 300,
            "early_stopping": {"rounds": 50},
        }
    )
    snapshot = small_data.snapshot_of(store, contract, small_data.columns(ROWS))
    inputs = (contract, snapshot, validate(contract, snapshot, store), store)
    found, data = fit(*inputs), prepare(*inputs)
    losses = found.history["validation/binary_logloss"]
    assert found.rounds < int(np.argmin(losses)) + 1
    assert data.validation is not None
    said = predict(found.text, data.blocks, data.validation.rows)
    assert log_loss(data.validation.labels, said) == pytest.approx(min(losses))


def test_held_out_rows_do_not_stop(store: Store) -> None:
    """Other labels on the held-out rows give the same trees and the same threshold."""
    values = small_data.columns(ROWS)
    first = fitted(store, values, AUTO, rounds=300, early_stopping={"rounds": 10}, split={"by": "time"})
    days = np.asarray(values["sent"]) // 86_400_000_000
    last = days >= np.unique(days)[-round(np.unique(days).size * 0.2)]
    values["late"] = np.where(last, ~values["late"], values["late"])
    second = fitted(store, values, AUTO, rounds=300, early_stopping={"rounds": 10}, split={"by": "time"})
    assert (first.trees, first.threshold) == (second.trees, second.threshold)
    assert first.metrics["roc_auc"] > 0.7 > second.metrics["roc_auc"]


def test_validation_is_cut_as_the_held_out_part_is(store: Store) -> None:
    """By time the last days of the training part; the three parts are disjoint and whole."""
    values = small_data.columns(ROWS)
    found = parts(store, values, early_stopping={"rounds": 5}, split={"by": "time", "validation": 0.25})
    assert found.validation is not None
    days = np.asarray(values["sent"]) // 86_400_000_000
    assert days[found.train.rows].max() < days[found.validation.rows].min()
    assert days[found.validation.rows].max() < days[found.test.rows].min()
    together = np.concatenate([found.train.rows, found.validation.rows, found.test.rows])
    assert np.array_equal(np.sort(together), np.arange(ROWS))


def test_balanced_classes_count_the_same(store: Store) -> None:
    """Whatever their share, and the trees are LightGBM's own with those weights."""
    values = small_data.columns(ROWS)
    values["late"] = values["late"] & (np.arange(ROWS) % 4 == 0)
    found = parts(store, values, weights="balanced")
    assert found.train.weights is not None
    late = found.train.labels > 0
    assert late.mean() < 0.2
    assert found.train.weights[late].sum() == pytest.approx(found.train.weights[~late].sum())

    contract = small_data.protocol(training={**BASE, "weights": "balanced"})
    data = matrix(small_data.table(contract, values), features(contract))[found.train.rows]
    options = parameters(contract)
    dataset = lgb.Dataset(
        data,
        label=found.train.labels,
        weight=found.train.weights,
        feature_name=list(contract.features),
        categorical_feature=[2],
        params=options,
    )
    expected = trees_sha256(lgb.train(options, dataset, 40).model_to_string().encode())
    model = fitted(store, values, weights="balanced")
    assert model.trees == expected
    assert np.isfinite(model.history["binary_logloss"]).all()


def test_rows_of_weight_zero_teach_nothing(store: Store) -> None:
    """Labels of rows that do not count may be anything; all of them together are refused."""
    values = small_data.columns(ROWS)
    counts = (np.arange(ROWS) % 2).astype(float)
    contract = {"weights": {"column": "counts"}, "params": {"num_leaves": 7, "min_data_in_leaf": 1}}

    def model(late: np.ndarray, counts: np.ndarray) -> Fitted:
        columns = {"counts": {"type": "float", "ge": 0}}
        protocol = small_data.protocol(training={**BASE, **contract}, columns=columns)
        snapshot = small_data.snapshot_of(store, protocol, {**values, "late": late, "counts": counts})
        return fit(protocol, snapshot, validate(protocol, snapshot, store), store)

    assert model(values["late"], counts).trees != model(values["late"], np.ones(ROWS)).trees
    with pytest.raises(PulseError) as error:
        model(values["late"], np.zeros(ROWS))
    assert error.value.code == "training.weights"


def test_groups_stay_together(store: Store) -> None:
    """No carrier is on both sides, and validation is of other carriers again."""
    values = small_data.columns(ROWS)
    values["label"] = np.array([f"DE{number % 40}" for number in range(ROWS)], dtype=object)
    values["label"][::50] = None
    split = {"by": "group", "column": "label", "test": 0.3}
    found = parts(store, values, early_stopping={"rounds": 5}, split=split)
    assert found.validation is not None
    groups = [
        {value for value in values["label"][part.rows] if value is not None}
        for part in (found.train, found.validation, found.test)
    ]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 40
    assert all(groups)
    without = np.flatnonzero([value is None for value in values["label"]])
    assert set(without) <= set(found.train.rows)


@pytest.mark.parametrize(("column", "value"), [("zone", 2), ("express", True), ("carrier", "van")])
def test_the_data_say_what_is_held_out(store: Store, column: str, value: object) -> None:
    """Exactly the rows with that value."""
    values = small_data.columns(ROWS)
    found = parts(store, values, split={"by": "column", "column": column, "value": value})
    assert np.array_equal(found.test.rows, np.flatnonzero(values[column] == value))


def test_nothing_held_out_is_refused(store: Store) -> None:
    """A value that no row has: one sentence that names it."""
    with pytest.raises(PulseError, match=r"for label = XX1 .* leaves one part empty"):
        parts(store, small_data.columns(500), split={"by": "column", "column": "label", "value": "XX1"})


def test_validation_of_one_class_is_refused(store: Store) -> None:
    """Nothing can be decided on it."""
    values = small_data.columns(500)
    days = np.asarray(values["sent"]) // 86_400_000_000
    values["late"] = np.where((days > 20_490 - 25) & (days < 20_490 + 20), np.False_, values["late"])
    with pytest.raises(PulseError, match="validation part have the same late"):
        parts(store, values, early_stopping={"rounds": 5}, split={"by": "time", "validation": 0.05})


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=40))
def test_no_threshold_is_better(rows: list[tuple[bool, int]]) -> None:
    """Of all thresholds none has a greater f1, and none that has the same is greater by a row."""
    truth = np.array([float(late) for late, _ in rows])
    truth[0] = 1.0
    probability = np.array([number / 20 for _, number in rows])
    chosen = best_f1(truth, probability)
    reached = f1_score(truth, probability >= chosen)
    every = [f1_score(truth, probability >= one) for one in np.unique(probability)]
    assert reached == pytest.approx(max(every))


def test_the_metric_that_is_asked_for_decides(store: Store) -> None:
    """``average_precision`` is followed where the protocol names it."""
    stopping = {"rounds": 5, "metric": "average_precision"}
    found = fitted(store, small_data.columns(ROWS), early_stopping=stopping)
    assert found.rounds == int(np.argmax(found.history["validation/average_precision"])) + 1


def test_validation_is_no_repetition_of_the_split() -> None:
    """Rows drawn for validation are drawn anew: as many of one side of the split as of the other."""
    rows = np.arange(20_000)
    spec = SplitSpec(test=0.5, validation=0.5)
    one, other = held_out(spec, 0, rows, None), validation(spec, 0, rows, None)
    assert 0.48 < (one == other).mean() < 0.52
