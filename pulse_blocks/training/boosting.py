"""LightGBM over a snapshot's blocks."""

from __future__ import annotations

import re
from typing import Any

import lightgbm as lgb
import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import report as progress
from pulse_blocks.protocol.columns import ColumnSpec, features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.blocks import part
from pulse_blocks.training.parts import Parts

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_HELD_OUT = "held_out"
# Curves need no more rows: the area under the curve of 250,000 after every round costs an eighth of the fit.
_WATCHED_ROWS = 50_000


def boost(
    protocol: Protocol, params: dict[str, Any], data: Parts
) -> tuple[lgb.Booster, dict[str, tuple[float, ...]]]:
    """The booster and, by metric, its value on held-out rows (at most 50,000) after every round."""
    columns = features(protocol)
    train = lgb.Dataset(
        part(data.blocks, data.train_rows),
        label=data.train_labels,
        feature_name=[_feature_name(position, column) for position, column in enumerate(columns)],
        categorical_feature=[p for p, column in enumerate(columns) if column.field.type == "category"],
        params=params,
    )
    progress("train", 0, protocol.training.rounds, "reading rows")
    rows, labels = _watched(data)
    test = lgb.Dataset(part(data.blocks, rows), label=labels, reference=train, params=params)
    history: dict[str, dict[str, list[float]]] = {}
    rounds = protocol.training.rounds
    try:
        booster = lgb.train(
            params,
            train,
            rounds,
            valid_sets=[test],
            valid_names=[_HELD_OUT],
            callbacks=[lgb.record_evaluation(history), _report(rounds)],
        )
    except lgb.basic.LightGBMError as error:
        raise PulseError(
            "training.failed", f"LightGBM refuses: {error}.", "Look at training.params in the protocol."
        ) from None
    return booster, {
        metric: tuple(map(float, values)) for metric, values in history.get(_HELD_OUT, {}).items()
    }


def _watched(data: Parts) -> tuple[np.ndarray, np.ndarray]:
    """Held-out rows and labels that are evaluated after every round: all, or some that are evenly spread."""
    count = data.test_rows.size
    if count <= _WATCHED_ROWS:
        return data.test_rows, data.test_labels
    chosen = np.linspace(0, count - 1, _WATCHED_ROWS).astype(np.int64)
    return data.test_rows[chosen], data.test_labels[chosen]


def _report(rounds: int) -> Any:
    def callback(env: Any) -> None:
        progress("train", env.iteration + 1, rounds)

    return callback


def _feature_name(position: int, column: ColumnSpec) -> str:
    """LightGBM refuses names that need escaping in JSON; the protocol's order identifies a feature anyway."""
    return column.name if _PLAIN.fullmatch(column.name) else f"column_{position}"
