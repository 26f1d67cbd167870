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
from pulse_blocks.training.params import watched_metric
from pulse_blocks.training.parts import Part, Parts
from pulse_blocks.training.stopping import VALIDATION, Stopping

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_HELD_OUT = "held_out"
# Curves need no more rows: the area under the curve of 250,000 after every round costs an eighth of the fit.
_WATCHED_ROWS = 50_000


def boost(
    protocol: Protocol, params: dict[str, Any], data: Parts
) -> tuple[lgb.Booster, dict[str, tuple[float, ...]]]:
    """The booster and, by metric, its value on held-out rows (at most 50,000) after every round.

    With early stopping there are also the values on the validation part, as ``validation/METRIC``, and the booster
    ends with its best round.
    """
    columns = features(protocol)
    train = lgb.Dataset(
        part(data.blocks, data.train.rows),
        label=data.train.labels,
        weight=data.train.weights,
        feature_name=[_feature_name(position, column) for position, column in enumerate(columns)],
        categorical_feature=[p for p, column in enumerate(columns) if column.field.type == "category"],
        params=params,
    )
    progress("train", 0, protocol.training.rounds, "reading rows")
    sets = {_HELD_OUT: _dataset(data, _watched(data.test), train, params)}
    callbacks: list[Any] = [_report(protocol.training.rounds)]
    stopping = protocol.training.early_stopping
    if stopping is not None and data.validation is not None:
        sets[VALIDATION] = _dataset(data, data.validation, train, params)
        callbacks.append(Stopping(watched_metric(protocol), stopping.rounds))
    history: dict[str, dict[str, list[float]]] = {}
    rounds = protocol.training.rounds
    try:
        booster = lgb.train(
            params,
            train,
            rounds,
            valid_sets=list(sets.values()),
            valid_names=list(sets),
            callbacks=[lgb.record_evaluation(history), *callbacks],
        )
    except lgb.basic.LightGBMError as error:
        raise PulseError(
            "training.failed", f"LightGBM refuses: {error}.", "Look at training.params in the protocol."
        ) from None
    if booster.current_iteration() < rounds:
        progress("train", rounds, rounds, f"round {booster.current_iteration()} is the best")
    return booster, {
        metric if name == _HELD_OUT else f"{name}/{metric}": tuple(map(float, values))
        for name in sets
        for metric, values in history.get(name, {}).items()
    }


def _dataset(data: Parts, rows: Part, train: lgb.Dataset, params: dict[str, Any]) -> lgb.Dataset:
    # Where its reference has weights a set without any gets zeros from LightGBM, and all its metrics are NaN;
    # ones count as none. Any other number that is the same for all rows gives the metrics of no weights.
    weights = None if data.train.weights is None else np.full(rows.rows.size, 2.0)
    sequences = part(data.blocks, rows.rows)
    return lgb.Dataset(sequences, label=rows.labels, weight=weights, reference=train, params=params)


def _watched(held_out: Part) -> Part:
    """Held-out rows that are evaluated after every round: all, or some that are evenly spread."""
    count = held_out.rows.size
    if count <= _WATCHED_ROWS:
        return held_out
    chosen = np.linspace(0, count - 1, _WATCHED_ROWS).astype(np.int64)
    return Part(held_out.rows[chosen], held_out.labels[chosen])


def _report(rounds: int) -> Any:
    def callback(env: Any) -> None:
        progress("train", env.iteration + 1, rounds, f"round {env.iteration + 1} of {rounds}")

    return callback


def _feature_name(position: int, column: ColumnSpec) -> str:
    """LightGBM refuses names that need escaping in JSON; the protocol's order identifies a feature anyway."""
    return column.name if _PLAIN.fullmatch(column.name) else f"column_{position}"
