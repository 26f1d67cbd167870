"""What a new model's drift will be measured against, calibrated on the period that it was trained on."""

from __future__ import annotations

import lightgbm as lgb
import msgspec
import numpy as np

from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Calibration, Snapshot
from pulse_blocks.sketches.calibration import calibrate
from pulse_blocks.sketches.reference import QUANTILES, CalmWindow, ColumnReference, DriftReference, chance
from pulse_blocks.snapshots import layout
from pulse_blocks.snapshots.memory import lean
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.reading import load_sample
from pulse_blocks.sources.ahead import ahead
from pulse_blocks.stores.base import Store
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.calibrating import answers
from pulse_blocks.training.calm import Piece, matrix_of, pieces, seconds, window_text, within
from pulse_blocks.training.encoding import matrix
from pulse_blocks.training.measured import (
    RANDOM_REFERENCE,
    RANDOM_ROWS,
    Column,
    by_chance,
    distances,
    measured_columns,
)

_LEAST_WINDOWS = 3


@lean()
def drift_reference(
    protocol: Protocol,
    snapshot: Snapshot,
    store: Store,
    text: bytes,
    importance: dict[str, float],
    calibration: Calibration | None = None,
) -> DriftReference | None:
    """The reference of a model. None where its data are too few for three windows: nobody can say what is calm."""
    columns = features(protocol)
    cut = pieces(protocol, snapshot, store)
    sample = load_sample(store, snapshot)
    rows = matrix(sample, columns)
    good = within(rows, columns)
    rows = rows[good]
    if len(cut) < _LEAST_WINDOWS or not len(rows):
        return None

    booster = lgb.Booster(model_str=text.decode())

    def with_answers(found: np.ndarray) -> np.ndarray:
        return np.column_stack([found, _answers(booster, found, calibration)])

    name = protocol.source.time
    times = None if name is None else seconds(sample.column(name))[good]
    measured = measured_columns(protocol, with_answers(rows), importance)
    blocks = Blocks(store, snapshot.chunks, columns)
    read = ahead(matrix_of(blocks, piece.numbers) for piece in cut)
    windows = [with_answers(found[within(found, columns)]) for found in read]

    def differs(piece_and_window: tuple[Piece, np.ndarray]) -> list[float]:
        piece, window = piece_and_window
        return distances(measured, window, None if times is None else _outside(times, piece))

    calm = np.array(list(overlapped(differs, zip(cut, windows, strict=True)))).T
    random = by_chance(measured, np.concatenate(windows), protocol.training.seed)
    return _made(protocol, snapshot, measured, cut, windows, calm, random)


def _answers(booster: lgb.Booster, rows: np.ndarray, calibration: Calibration | None) -> np.ndarray:
    return answers(calibration, np.asarray(booster.predict(rows))) if len(rows) else np.empty(0)


def _outside(times: np.ndarray, piece: Piece) -> np.ndarray | None:
    if piece.start is None or piece.end is None:
        return None
    keep = ~((times >= piece.start) & (times < piece.end))
    return keep if keep.any() else None


def _made(
    protocol: Protocol,
    snapshot: Snapshot,
    measured: list[Column],
    cut: list[Piece],
    windows: list[np.ndarray],
    calm: np.ndarray,
    random: np.ndarray,
) -> DriftReference:
    weights = np.array([column.weight for column in measured[:-1]])
    inputs = calibrate(calm[:-1], random[:-1], weights, protocol.monitoring.features.share)
    answer = calibrate(calm[-1:], random[-1:], np.ones(1), 1.0)
    thresholds = np.concatenate([inputs.thresholds, answer.thresholds])
    noise = np.concatenate([inputs.noise, answer.noise])
    texts = [_texts(column.field.values) for column in features(protocol)]
    texts.append(_texts(protocol.target.values))
    found = [
        _column(
            column, text, float(threshold), float(by_noise), calm[at], [window[:, at] for window in windows]
        )
        for at, (column, text, threshold, by_noise) in enumerate(
            zip(measured, texts, thresholds, noise, strict=True)
        )
    ]
    return DriftReference(
        sample=layout.sample_key(snapshot.id),
        sample_sha256=snapshot.sample_sha256,
        rows=int(measured[0].values.size),
        window=window_text(protocol.monitoring.window),
        window_rows=int(np.median([len(window) for window in windows])),
        critical=inputs.critical,
        calm=tuple(
            CalmWindow(start=piece.start, end=piece.end, rows=piece.rows, share=float(share))
            for piece, share in zip(cut, inputs.shares, strict=True)
        ),
        features={column.name: facts for column, facts in zip(measured[:-1], found[:-1], strict=True)},
        prediction=found[-1],
    )


def _column(
    column: Column,
    texts: tuple[str, ...],
    threshold: float,
    noise: float,
    calm: np.ndarray,
    windows: list[np.ndarray],
) -> ColumnReference:
    values = np.sort(column.values[np.isfinite(column.values)])
    missing = 1.0 - values.size / max(column.values.size, 1)
    nulls = [1.0 - float(np.isfinite(window).mean()) for window in windows if window.size]
    facts = ColumnReference(
        method=column.method,
        weight=column.weight,
        threshold=threshold,
        typical=float(np.median(calm)),
        noise=noise / chance(column.method, RANDOM_ROWS, min(RANDOM_REFERENCE, column.values.size)),
        missing=missing,
        missing_spread=max((abs(share - missing) for share in nulls), default=0.0),
    )
    if column.categorical:
        codes, counts = np.unique(values.astype(np.int64), return_counts=True)
        shares = {
            texts[code]: count / values.size for code, count in zip(codes, counts.tolist(), strict=True)
        }
        return msgspec.structs.replace(facts, shares=shares)
    if not values.size:
        return facts
    quantiles = np.quantile(values, np.linspace(0.0, 1.0, QUANTILES))
    return msgspec.structs.replace(
        facts,
        deviation=float(np.std(values)),
        quantiles=tuple(float(f"{value:.9g}") for value in quantiles),
    )


def _texts(values: tuple[str | int, ...] | None) -> tuple[str, ...]:
    """What the codes of a category stand for; those of a boolean are 0 and 1."""
    return ("false", "true") if values is None else tuple(map(str, values))
