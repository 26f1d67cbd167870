"""LightGBM's data sets over a snapshot's blocks: binned while they are read, never a matrix in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np

from pulse_blocks.protocol.columns import ColumnSpec, features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.blocks import Blocks, part
from pulse_blocks.training.parts import Part

TRAIN = "train"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
# Curves need no more rows: the area under the curve of 250,000 after every round costs an eighth of the fit.
_WATCHED_ROWS = 50_000


def datasets(
    protocol: Protocol, params: Mapping[str, Any], blocks: Blocks, train: Part, watched: Mapping[str, Part]
) -> dict[str, lgb.Dataset]:
    """The training set as ``train`` and, binned as it is, those that are evaluated after every round."""
    columns = features(protocol)
    base = lgb.Dataset(
        part(blocks, train.rows),
        label=train.labels,
        weight=train.weights,
        feature_name=[_feature_name(position, column) for position, column in enumerate(columns)],
        categorical_feature=[p for p, column in enumerate(columns) if column.field.type == "category"],
        params=dict(params),
    )
    return {
        TRAIN: base,
        **{name: _beside(base, train, blocks, rows, params) for name, rows in watched.items()},
    }


def spread(held_out: Part) -> Part:
    """Held-out rows that are evaluated after every round: all, or 50,000 that are evenly spread."""
    count = held_out.rows.size
    if count <= _WATCHED_ROWS:
        return held_out
    chosen = np.linspace(0, count - 1, _WATCHED_ROWS).astype(np.int64)
    return Part(held_out.rows[chosen], held_out.labels[chosen])


def _beside(
    base: lgb.Dataset, train: Part, blocks: Blocks, rows: Part, params: Mapping[str, Any]
) -> lgb.Dataset:
    # Where its reference has weights a set without any gets zeros from LightGBM, and all its metrics are NaN;
    # ones count as none. Any other number that is the same for all rows gives the metrics of no weights.
    weights = None if train.weights is None else np.full(rows.rows.size, 2.0)
    sequences = part(blocks, rows.rows)
    return lgb.Dataset(sequences, label=rows.labels, weight=weights, reference=base, params=dict(params))


def _feature_name(position: int, column: ColumnSpec) -> str:
    """LightGBM refuses names that need escaping in JSON; the protocol's order identifies a feature anyway."""
    return column.name if _PLAIN.fullmatch(column.name) else f"column_{position}"
