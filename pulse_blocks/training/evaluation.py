"""What a fitted model says about the held-out part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np

from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.decision import decision_threshold
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store
from pulse_blocks.training.blocks import Blocks, by_chunk
from pulse_blocks.training.calibrating import calibrated
from pulse_blocks.training.fitted import Champion, Smoke
from pulse_blocks.training.metrics import evaluate
from pulse_blocks.training.parts import Parts

SMOKE_ROWS = 200


def predict(text: bytes, blocks: Blocks, rows: np.ndarray) -> np.ndarray:
    """The predictions for the rows with these numbers (sorted), by the model as it is stored: its text."""
    booster = lgb.Booster(model_str=text.decode())
    return np.concatenate([booster.predict(block) for block in blocks.walk(rows)])


def compare(
    champion: Champion, protocol: Protocol, names: Sequence[str], data: Parts
) -> tuple[dict[str, float], str]:
    """The champion's metrics, and where they are from.

    It is measured on the same held-out rows where it takes the same features and gives the same classes;
    otherwise its metrics of its own training have to do.
    """
    if _interface(champion.protocol) != _interface(protocol):
        return champion.metrics, f"{champion.model} takes other features: its metrics are of its own training"
    predicted = calibrated(champion.calibration, predict(champion.text, data.blocks, data.test.rows))
    threshold = decision_threshold(champion.protocol, champion.threshold)
    metrics = evaluate(protocol.task, names, data.test.labels, predicted, threshold)
    return metrics, f"{champion.model} on the same {data.test.rows.size:,} held-out rows"


def importance(booster: lgb.Booster, protocol: Protocol) -> dict[str, float]:
    """The gain of each feature as a share of all gain, in the order of the protocol."""
    gain = booster.feature_importance("gain")
    total = float(gain.sum()) or 1.0
    return {c.name: float(share) / total for c, share in zip(features(protocol), gain, strict=True)}


def smoke(protocol: Protocol, store: Store, snapshot: Snapshot, data: Parts, predicted: np.ndarray) -> Smoke:
    """Up to ``SMOKE_ROWS`` held-out rows, evenly spread, with their predictions."""
    count = min(SMOKE_ROWS, data.test.rows.size)
    chosen = np.linspace(0, data.test.rows.size - 1, count).astype(np.int64)
    names = [column.name for column in features(protocol)]
    rows: list[dict[str, Any]] = []
    for number, positions in by_chunk(snapshot.chunks, data.test.rows[chosen]):
        rows += read_chunk(store, snapshot.chunks[number], names).take(positions).to_pylist()
    for row in rows:
        row.update((name, None) for name, value in row.items() if value != value)  # noqa: PLR0124 (NaN)
    return Smoke(rows=tuple(rows), predictions=tuple(predicted[chosen].ravel().tolist()))


def _interface(protocol: Protocol) -> Any:
    """What decides whether a model can be given these rows: inputs, and what its outputs mean."""
    inputs = [(c.name, c.field.type, c.field.values) for c in features(protocol)]
    return protocol.task, inputs, protocol.target
