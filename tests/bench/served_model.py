"""The model that every server of the benchmark serves: 200 trees of 63 leaves, 28 floats and 2 categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.settings import Workspace
from tests.served_models import promote, protocol

FLOATS = 28
CATEGORIES: dict[str, tuple[str, ...]] = {
    "channel": tuple(f"channel-{n}" for n in range(12)),
    "country": tuple(f"country-{n}" for n in range(40)),
}
NAMES = [f"f{n:02}" for n in range(FLOATS)]
ROWS = 20_000


def contract(**sections: Any) -> Protocol:
    """The protocol of the model."""
    floats = {name: {"type": "float", "ge": -100, "le": 100} for name in NAMES}
    categories = {name: {"type": "category", "values": values} for name, values in CATEGORIES.items()}
    return protocol("scores", features={**floats, **categories}, **sections)


def train() -> lgb.Booster:
    """The booster, on generated rows with a rule that 200 trees do not exhaust."""
    draw = np.random.default_rng(7)
    data = draw.normal(size=(ROWS, FLOATS + len(CATEGORIES))).round(4)
    for at, values in enumerate(CATEGORIES.values()):
        data[:, FLOATS + at] = draw.integers(0, len(values), ROWS)
    score = data[:, 0] * data[:, 1] + np.sin(3 * data[:, 2]) + data[:, 3] + 0.1 * data[:, FLOATS]
    params = {"objective": "binary", "num_leaves": 63, "seed": 7, "verbosity": -1, "num_threads": 2}
    labels = score + draw.normal(size=ROWS) > 0.5
    booster = lgb.train(
        params, lgb.Dataset(data, labels, categorical_feature=[FLOATS, FLOATS + 1]), num_boost_round=200
    )
    assert booster.num_trees() == 200
    return booster


def workspace(folder: Path, booster: lgb.Booster, **sections: Any) -> Workspace:
    """A workspace whose champion of ``scores`` is the model."""
    place = settings.load(folder, environ={})
    promote(place, contract(**sections), booster.model_to_string().encode())
    with open_ledger(place.ledger) as ledger:
        assert ledger.champion("scores")
    return place


def bodies(count: int) -> list[str]:
    """JSON records with a hole ``@`` in the place of the first float, which the load generator fills."""
    return [_with_hole(record) for record in _records(count)]


def coded_bodies(count: int) -> list[str]:
    """The same records as MLflow's LightGBM flavour takes them: categories are codes."""
    coded = [
        {**record, **{name: values.index(record[name]) for name, values in CATEGORIES.items()}}
        for record in _records(count)
    ]
    return [f'{{"dataframe_records": [{_with_hole(record)}]}}' for record in coded]


def mlflow_signature() -> Any:
    """The model's columns as MLflow checks them; categories are codes."""
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, Schema

    columns = [ColSpec("double", name) for name in NAMES] + [ColSpec("long", name) for name in CATEGORIES]
    return ModelSignature(Schema(columns))


def _with_hole(record: dict[str, Any]) -> str:
    return json.dumps({**record, NAMES[0]: "@"}).replace('"@"', "@")


def _records(count: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(11)
    return [
        {
            **dict(zip(NAMES, row.tolist(), strict=True)),
            **{name: values[int(draw.integers(len(values)))] for name, values in CATEGORIES.items()},
        }
        for row in draw.normal(size=(count, FLOATS)).round(4)
    ]
