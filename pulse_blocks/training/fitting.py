"""Fit a model on a validated snapshot and judge it on the held-out part."""

from __future__ import annotations

import time

from pulse_blocks.protocol.metrics import computed
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.stores.base import Store
from pulse_blocks.training.fitted import Champion, Fitted
from pulse_blocks.training.params import parameters


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
    from pulse_blocks.training.evaluation import compare, importance, predict, smoke
    from pulse_blocks.training.gates import judge
    from pulse_blocks.training.metrics import evaluate
    from pulse_blocks.training.parts import prepare
    from pulse_blocks.training.text import normalised, trees_sha256

    began = time.monotonic()
    names = computed(protocol)
    params = parameters(protocol)
    data = prepare(protocol, snapshot, validated, store)
    booster, history = boost(protocol, params, data)
    text = normalised(booster.model_to_string())
    predicted = predict(text, data)
    threshold = protocol.output.decision.threshold
    metrics = evaluate(protocol.task, names, data.test_labels, predicted, threshold)
    rival, note = compare(champion, protocol, names, data) if champion else (None, "")
    return Fitted(
        text=text,
        text_sha256=hashlib.sha256(text).hexdigest(),
        trees=trees_sha256(text),
        metrics=metrics,
        gates=judge(protocol.training.gates, metrics, rival, note),
        history=history,
        importance=importance(booster, protocol),
        params={
            k: ",".join(v) if isinstance(v, list) else v for k, v in params.items() if k != "num_threads"
        },
        train_rows=int(data.train_rows.size),
        test_rows=int(data.test_rows.size),
        smoke=smoke(protocol, store, snapshot, data, predicted),
        seconds=time.monotonic() - began,
    )
