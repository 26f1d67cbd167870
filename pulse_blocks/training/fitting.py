"""Fit a model on a validated snapshot and judge it on the held-out part."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pulse_blocks.protocol.decision import decision_threshold
from pulse_blocks.protocol.metrics import computed
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.stores.base import Store
from pulse_blocks.training.fitted import Champion, Fitted
from pulse_blocks.training.params import parameters

if TYPE_CHECKING:
    from pulse_blocks.training.parts import Parts


def fit(
    protocol: Protocol,
    snapshot: Snapshot,
    validated: ValidatedData,
    store: Store,
    champion: Champion | None = None,
) -> Fitted:
    """Train on the accepted rows before the split, evaluate on those after it, compare with ``champion``.

    The same snapshot and protocol give the same trees, whatever the number of threads. Missed gates are in
    the result, not raised. Raises PulseError where the data cannot be split or a part has a single class,
    where a parameter is refused, or where a chunk differs from its hash.
    """
    import hashlib

    from pulse_blocks.training.boosting import boost
    from pulse_blocks.training.curves import curves
    from pulse_blocks.training.environment import environment
    from pulse_blocks.training.evaluation import compare, importance, predict, smoke
    from pulse_blocks.training.gates import judge
    from pulse_blocks.training.intervals import intervals
    from pulse_blocks.training.metrics import evaluate
    from pulse_blocks.training.parts import prepare
    from pulse_blocks.training.text import normalised, trees_sha256

    began = time.monotonic()
    params = parameters(protocol)
    data = prepare(protocol, snapshot, validated, store)
    booster, history = boost(protocol, params, data)
    text = normalised(booster.model_to_string())
    chosen = _chosen_threshold(protocol, text, data)
    threshold = 0.5 if protocol.task != "binary-classification" else decision_threshold(protocol, chosen)
    predicted = predict(text, data.blocks, data.test.rows)
    names, truth = computed(protocol), data.test.labels
    metrics = evaluate(protocol.task, names, truth, predicted, threshold)
    rival, note = compare(champion, protocol, names, data) if champion else (None, "")
    said = environment(params)
    return Fitted(
        text=text,
        text_sha256=hashlib.sha256(text).hexdigest(),
        trees=trees_sha256(text),
        metrics=metrics,
        intervals=intervals(protocol.task, metrics, truth, predicted, threshold, protocol.training.seed),
        gates=judge(protocol.training.gates, metrics, rival, note),
        history=history,
        importance=importance(booster, protocol),
        curves=curves(protocol.task, truth, predicted),
        params=said.parameters,
        train_rows=int(data.train.rows.size),
        validation_rows=int(data.validation.rows.size) if data.validation else 0,
        test_rows=int(data.test.rows.size),
        rounds=booster.current_iteration(),
        threshold=chosen,
        smoke=smoke(protocol, store, snapshot, data, predicted),
        seconds=time.monotonic() - began,
        environment=said,
    )


def _chosen_threshold(protocol: Protocol, text: bytes, data: Parts) -> float | None:
    from pulse_blocks.training.evaluation import predict
    from pulse_blocks.training.threshold import best_f1

    if protocol.output.decision.threshold != "auto" or data.validation is None:
        return None
    return best_f1(data.validation.labels, predict(text, data.blocks, data.validation.rows))
