"""Fitting: the same trees whatever the way to them, rows that are left out, and what is said about a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lightgbm as lgb
import msgspec
import numpy as np
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import Progress, listening
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import Champion, Fitted, blocks, fit, params, require, trees_sha256
from pulse_blocks.training.encoding import matrix
from pulse_blocks.training.params import parameters
from pulse_blocks.validation import validate
from tests import small_data

ROWS = 2000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def prepared(
    store: Store, contract: Protocol, values: dict[str, Any]
) -> tuple[Protocol, Snapshot, ValidatedData, Store]:
    snapshot = small_data.snapshot_of(store, contract, values)
    return contract, snapshot, validate(contract, snapshot, store), store


def held_out_days(values: dict[str, Any]) -> np.ndarray:
    days = np.asarray(values["sent"]) // 86_400_000_000
    distinct = np.unique(days)
    return days >= distinct[-round(distinct.size * 0.2)]


def test_same_trees_as_one_matrix(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streaming chunks, in hardly any memory, grows the very trees of one matrix in memory."""
    monkeypatch.setattr(blocks, "KEPT_BYTES", 1)
    contract, values = small_data.protocol(), small_data.columns(30_000)
    fitted = fit(*prepared(store, contract, values))
    test = held_out_days(values)
    data = matrix(small_data.table(contract, values), features(contract))
    options = params.parameters(contract)
    dataset = lgb.Dataset(
        data[~test],
        label=values["late"][~test].astype(float),
        feature_name=list(contract.features),
        categorical_feature=[2],
        params=options,
    )
    booster = lgb.train(options, dataset, contract.training.rounds)
    assert fitted.trees == trees_sha256(booster.model_to_string().encode())
    assert (fitted.train_rows, fitted.test_rows) == (int((~test).sum()), int(test.sum()))


def test_threads_change_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, two and four give the same text, byte for byte."""
    inputs = prepared(store, small_data.protocol(), small_data.columns(ROWS))
    texts = set()
    for threads in (1, 2, 4):
        monkeypatch.setattr(params, "available_threads", lambda _, threads=threads: threads)
        texts.add(fit(*inputs).text)
    assert len(texts) == 1


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({}, True),
        ({"force_row_wise": True}, True),
        ({"force_row_wise": False}, False),
        ({"force_col_wise": True}, False),
        ({"force_col_wise": False}, True),
        ({"force_col_wise": False, "force_row_wise": False}, True),
    ],
)
def test_one_layout_of_histograms_is_always_fixed(given: dict[str, bool], rows: bool) -> None:
    """Where neither is asked for LightGBM times both, and takes the one that was faster."""
    found = parameters(small_data.protocol(training={"params": given}))
    assert (found["force_row_wise"], found.get("force_col_wise", False)) == (rows, not rows)


def test_learns_and_reports(store: Store) -> None:
    """Metrics, their history, importance and progress are those of the model on the held-out rows."""
    seen: list[Progress] = []
    with listening(seen.append):
        fitted = fit(*prepared(store, small_data.protocol(), small_data.columns(ROWS)))
    assert list(fitted.metrics) == ["accuracy", "roc_auc"]
    assert fitted.metrics["roc_auc"] > 0.8
    assert set(fitted.history) == {"binary_logloss", "auc"}
    assert fitted.history["auc"][-1] == pytest.approx(fitted.metrics["roc_auc"])
    assert len(fitted.history["auc"]) == 10
    assert list(fitted.importance) == ["weight", "distance", "carrier", "stops", "express"]
    assert sum(fitted.importance.values()) == pytest.approx(1)
    assert [p.done for p in seen if p.stage == "train"] == list(range(11))


def test_quarantined_rows_are_left_out(store: Store) -> None:
    """A quarantined row changes neither trees nor counts: it is as if it were not there."""
    contract, values = small_data.protocol(), small_data.columns(ROWS)
    clean = fit(*prepared(store, contract, values))
    extra = {name: np.insert(np.asarray(column), 500, column[500]) for name, column in values.items()}
    extra["weight"][500] = -1.0
    fitted = fit(*prepared(store, contract, extra))
    assert fitted.trees == clean.trees
    assert (fitted.train_rows, fitted.test_rows) == (clean.train_rows, clean.test_rows)


def test_smoke_rows(store: Store) -> None:
    """The smoke rows are held-out records of the features, and the stored text predicts exactly what they say."""
    contract, values = small_data.protocol(), small_data.columns(ROWS)
    values["distance"][-3:] = np.nan
    fitted = fit(*prepared(store, contract, values))
    rows = fitted.smoke.rows
    assert len(rows) == len(fitted.smoke.predictions) == 200
    assert rows[-1]["distance"] is None
    codes = {"bike": 0.0, "train": 1.0, "van": 2.0}
    data = [
        [codes.get(v, v) if isinstance(v, str) else np.nan if v is None else float(v) for v in row.values()]
        for row in rows
    ]
    predicted = lgb.Booster(model_str=fitted.text.decode()).predict(np.array(data))
    assert predicted.tolist() == list(fitted.smoke.predictions)
    assert msgspec.json.decode(msgspec.json.encode(fitted), type=Fitted).smoke.rows == rows


def test_champion_on_the_same_rows(store: Store) -> None:
    """A champion with the same interface is measured on the challenger's held-out rows."""
    gate = {"metric": "roc_auc", "not_below_champion_by": 0.01}
    training = {"rounds": 1, "split": {"by": "time"}, "gates": [gate]}
    contract = small_data.protocol()
    inputs = prepared(store, contract, small_data.columns(ROWS))
    best = fit(*inputs)
    champion = Champion(model="small@1.0.0-abc", text=best.text, protocol=contract, metrics={"roc_auc": 0.1})
    weak = small_data.protocol(training={**training, "params": {"num_leaves": 2}})
    (result,) = fit(weak, *inputs[1:], champion).gates
    assert result.bound == pytest.approx(best.metrics["roc_auc"] - 0.01)
    assert not result.passed
    assert result.note.startswith("small@1.0.0-abc on the same")
    require([result])


def test_champion_with_other_features(store: Store) -> None:
    """A champion that takes other features cannot be asked: its own metrics count, and the result says so."""
    gate = {"metric": "roc_auc", "not_below_champion_by": 0.01}
    contract = small_data.protocol(training={"rounds": 2, "gates": [gate]})
    other = small_data.protocol(features={"height": {"type": "float"}})
    champion = Champion(model="m", text=b"", protocol=other, metrics={"roc_auc": 0.5})
    (result,) = fit(*prepared(store, contract, small_data.columns(ROWS)), champion).gates
    assert result.passed
    assert result.bound == pytest.approx(0.49)
    assert "takes other features" in result.note


def test_held_out_part_with_one_class(store: Store) -> None:
    """Where the last days know one class only, nothing can be judged, and the error says which part."""
    contract, values = small_data.protocol(), small_data.columns(ROWS)
    values["late"][held_out_days(values)] = False
    with pytest.raises(PulseError, match="rows of the held-out part have the same late") as refusal:
        fit(*prepared(store, contract, values))
    assert refusal.value.code == "training.held_out"


def test_one_day_cannot_be_split(store: Store) -> None:
    """A split by time of a single day is a clear error."""
    contract, values = small_data.protocol(), small_data.columns(ROWS)
    values["sent"] = values["sent"] % 86_400_000_000 + values["sent"][0] // 86_400_000_000 * 86_400_000_000
    with pytest.raises(PulseError) as refusal:
        fit(*prepared(store, contract, values))
    assert refusal.value.code == "training.split"


def test_parameter_that_lightgbm_refuses(store: Store) -> None:
    """LightGBM's refusal is passed on in one line."""
    contract = small_data.protocol(training={"params": {"num_leaves": 1}})
    with pytest.raises(PulseError, match="num_leaves") as refusal:
        fit(*prepared(store, contract, small_data.columns(ROWS)))
    assert refusal.value.code == "training.failed"


def test_changed_chunk(store: Store, tmp_path: Path) -> None:
    """A chunk that changed after validation is an error that names it, never a wrong model."""
    inputs = prepared(store, small_data.protocol(), small_data.columns(ROWS))
    (path,) = (tmp_path / "store" / "chunks").rglob("*.parquet")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(PulseError) as refusal:
        fit(*inputs)
    assert refusal.value.code == "snapshot.chunk_corrupt"


def test_multiclass(store: Store) -> None:
    """Classes are coded by target.values; the predictions of a row are one probability for each."""
    contract = small_data.protocol(
        task="multiclass-classification",
        target={"name": "zone", "type": "int", "values": [1, 2, 3]},
        columns={},
        training={"rounds": 3},
    )
    fitted = fit(*prepared(store, contract, small_data.columns(ROWS)))
    assert list(fitted.metrics) == ["accuracy", "f1_macro", "log_loss"]
    assert np.reshape(fitted.smoke.predictions, (200, 3)).sum(axis=1) == pytest.approx(np.ones(200))


def test_regression(store: Store) -> None:
    """A regression is judged by its errors."""
    contract = small_data.protocol(
        task="regression",
        features={
            "weight": {"type": "float"},
            "carrier": {"type": "category", "values": ["bike", "train", "van"]},
        },
        target={"name": "distance", "type": "float"},
        training={"rounds": 3},
    )
    fitted = fit(*prepared(store, contract, small_data.columns(ROWS)))
    assert list(fitted.metrics) == ["rmse", "mae", "r2"]
    assert isinstance(fitted.smoke.predictions[0], float)


@pytest.mark.parametrize("time", ["sent", "day"])
def test_rows_without_time(store: Store, time: str) -> None:
    """Event times may be times or dates; a row without one, where that is allowed, is trained on."""
    values = small_data.columns(ROWS)
    source = {"datasource": "parcels", "query": "select", "time": time, "key": ["parcel"]}
    kind = {"sent": "timestamp", "day": "date"}[time]
    contract = small_data.protocol(source=source, columns={time: {"type": kind, "nullable": True}})
    values[time] = np.array(values[time], dtype=object)
    values[time][-1] = None
    fitted = fit(*prepared(store, contract, values))
    test = held_out_days(small_data.columns(ROWS))
    assert fitted.test_rows == test.sum() - 1
