"""Fit a model on a validated snapshot and judge it on the held-out part."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.protocol.lightgbm_params import resolve
from pulse_blocks.protocol.metrics import computed
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Searched, Snapshot, ValidatedData
from pulse_blocks.snapshots.memory import lean
from pulse_blocks.stores.base import Store
from pulse_blocks.training.execution import HERE, Execution
from pulse_blocks.training.fitted import Champion, Fitted

if TYPE_CHECKING:
    from pulse_blocks.training.boosting import Boosted
    from pulse_blocks.training.parts import Parts


@lean()
def fit(
    protocol: Protocol,
    snapshot: Snapshot,
    validated: ValidatedData,
    store: Store,
    champion: Champion | None = None,
    execution: Execution = HERE,
) -> Fitted:
    """Train on the accepted rows before the split, evaluate on those after it, compare with ``champion``.

    The same snapshot and protocol give the same trees, whatever the number of threads. Missed gates are in
    the result, not raised. Raises PulseError where the data cannot be split or a part has a single class,
    where a parameter is refused, or where a chunk differs from its hash; UnavailableError where a worker of
    distributed training is lost. Checkpoints stay in the store: whoever keeps the model removes them.
    """
    import hashlib

    import lightgbm as lgb

    from pulse_blocks.training.curves import curves
    from pulse_blocks.training.environment import environment
    from pulse_blocks.training.evaluation import compare, importance, smoke
    from pulse_blocks.training.gates import judge
    from pulse_blocks.training.intervals import intervals
    from pulse_blocks.training.judging import judged
    from pulse_blocks.training.metrics import evaluate
    from pulse_blocks.training.params import parameters
    from pulse_blocks.training.parts import prepare
    from pulse_blocks.training.text import normalised, trees_sha256
    from pulse_blocks.training.unfinished import fit_key
    from pulse_blocks.training.workers import workers_of

    began = time.monotonic()
    searched = execution.searched or searched_here(protocol, snapshot, validated, store)
    used = chosen(protocol, searched.params if searched else None)
    params = parameters(used, workers=workers_of(protocol, snapshot))
    data = prepare(protocol, snapshot, validated, store)
    key = (
        fit_key(used, snapshot, validated, params)
        if used.training.checkpoint and execution.checkpoints
        else ""
    )
    boosted = _boosted(used, params, snapshot, store, data, key, execution)
    text = normalised(boosted.text)
    booster = lgb.Booster(model_str=boosted.text)
    found = judged(protocol, text, data)
    names, truth = computed(protocol), data.test.labels
    metrics = evaluate(protocol.task, names, truth, found.predicted, found.threshold)
    rival, note = compare(champion, protocol, names, data) if champion else (None, "")
    said = environment(params)
    return Fitted(
        text=text,
        text_sha256=hashlib.sha256(text).hexdigest(),
        trees=trees_sha256(text),
        metrics=metrics,
        intervals=intervals(
            protocol.task, metrics, truth, found.predicted, found.threshold, protocol.training.seed
        ),
        gates=judge(protocol.training.gates, metrics, rival, note),
        history=boosted.history,
        importance=importance(booster, protocol),
        curves=curves(protocol.task, truth, found.predicted),
        params=said.parameters,
        train_rows=int(data.train.rows.size),
        validation_rows=int(data.validation.rows.size) if data.validation else 0,
        test_rows=int(data.test.rows.size),
        rounds=booster.current_iteration(),
        threshold=found.chosen_threshold,
        calibration=found.calibration,
        uncalibrated=found.uncalibrated,
        searched=searched,
        smoke=smoke(protocol, store, snapshot, data, found.predicted),
        seconds=time.monotonic() - began,
        environment=said,
        unfinished=key,
    )


def chosen(protocol: Protocol, params: dict[str, bool | int | float | str] | None) -> Protocol:
    """The protocol with parameters that a search has chosen in place of its own."""
    if not params:
        return protocol
    found = {resolve(name) for name in params}
    kept = {name: value for name, value in protocol.training.params.items() if resolve(name) not in found}
    training = msgspec.structs.replace(protocol.training, params={**kept, **params})
    return msgspec.structs.replace(protocol, training=training)


def searched_here(
    protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store
) -> Searched | None:
    """The search that the protocol asks for, in this process, one trial at a time; None where it asks for none."""
    if protocol.training.search is None:
        return None
    from pulse_blocks.training.search import mapped_by, search, try_out
    from pulse_blocks.training.search.results import results_of

    results = results_of(protocol, snapshot, validated, store)
    with mapped_by(lambda work, trials: [work(trial) for trial in trials]):
        found = search(protocol, lambda trial: try_out(protocol, snapshot, validated, store, trial), results)
    results.remove()
    return found


def _boosted(
    protocol: Protocol,
    params: dict[str, Any],
    snapshot: Snapshot,
    store: Store,
    data: Parts,
    key: str,
    execution: Execution,
) -> Boosted:
    """The trees, grown in this process or by workers, and gone on with where an earlier fit was interrupted."""
    from pulse_blocks.training.boosting import boost, watched_parts
    from pulse_blocks.training.checkpoints import Checkpoints

    checkpoints = Checkpoints(store, key) if key else None
    if params.get("num_machines", 1) > 1:
        from pulse_blocks.training.distributed import boost_on_workers

        return boost_on_workers(protocol, params, snapshot, store, data, checkpoints, execution.dask)
    return boost(protocol, params, data.blocks, data.train, watched_parts(protocol, data), checkpoints)
