"""Train: a validated snapshot becomes a model, judged on rows that it has not seen."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pulse_blocks import ids
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol import spec
from pulse_blocks.records import RefusedModel, Snapshot, TrainedModel, ValidatedData, iso, to_json
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.stores.base import Store
    from pulse_blocks.tracking import Tracking
    from pulse_blocks.training import Champion, Fitted


def train(data: ValidatedData, context: Context) -> TrainedModel:
    """Fit and judge a model, and put its text and its smoke set into the store.

    Opens the MLflow run, or resumes the one of this attempt; store finishes it. Raises PulseError where a
    gate is missed: the run is then Failed in MLflow, and the ledger knows it as refused. A challenger that is
    worse than the champion is no error: ``lost`` says so.
    """
    from pulse_blocks import training
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.tracking import Tracking

    started = dt.datetime.now(dt.UTC)
    store = open_store(context.workspace.store)
    snapshot = load(store, data.snapshot)
    tracking = Tracking(context.workspace)
    run = tracking.open_run(
        context.protocol, snapshot.id, snapshot.hash, snapshot.datasource, context.attempt
    )
    fitted: Fitted | None = None
    try:
        fitted = _fit(data, snapshot, context, store, tracking, run)
        training.require(fitted.gates)
    except UnavailableError:
        raise
    except PulseError as error:
        tracking.fail(run, str(error))
        _remember(_refused(error, fitted, run, snapshot, started), context)
        raise
    return _record(fitted, run, snapshot, context, store, started)


def _fit(
    data: ValidatedData, snapshot: Snapshot, context: Context, store: Store, tracking: Tracking, run: str
) -> Fitted:
    from pulse_blocks import training
    from pulse_blocks.protocol.loading import find
    from pulse_blocks.training.card import card

    protocol = context.protocol
    fitted = training.fit(protocol, snapshot, data, store, _champion(context, store))
    tracking.log_training(run, protocol, fitted, find(context.workspace, protocol.name))
    tracking.log_card(run, card(protocol, snapshot, fitted, ids.run_id(run)))
    return fitted


def _refused(
    error: PulseError, fitted: Fitted | None, run: str, snapshot: Snapshot, started: dt.datetime
) -> RefusedModel:
    return RefusedModel(
        run=ids.run_id(run),
        tracking_run=run,
        snapshot=snapshot.id,
        datasource=snapshot.datasource,
        metrics=fitted.metrics if fitted else None,
        reason=error.message,
        started=iso(started),
        seconds=(dt.datetime.now(dt.UTC) - started).total_seconds(),
    )


def _remember(refused: RefusedModel, context: Context) -> None:
    from pulse_blocks.ledger import open_ledger

    with open_ledger(context.workspace.ledger) as ledger:
        ledger.finish_stage(context.attempt, "refused", refused.run, to_json(refused), refused.seconds)


def _champion(context: Context, store: Store) -> Champion | None:
    from pulse_blocks import bundle
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.training import Champion

    with open_ledger(context.workspace.ledger) as ledger:
        promotion = ledger.champion(context.protocol.name)
    if promotion is None:
        return None
    loaded = bundle.load(store, promotion.bundle, promotion.bundle_sha256)
    return Champion(
        model=promotion.model,
        text=loaded.model_text,
        protocol=loaded.protocol,
        metrics=loaded.bundle.run.metrics,
        threshold=loaded.bundle.threshold,
    )


def _record(
    fitted: Fitted, run: str, snapshot: Snapshot, context: Context, store: Store, started: dt.datetime
) -> TrainedModel:
    from pulse_blocks import training
    from pulse_blocks.snapshots.sealing import seal
    from pulse_blocks.stages.restored import sentence
    from pulse_blocks.training.card import drawing

    text = f"models/{fitted.text_sha256}.txt"
    smoke = f"models/{fitted.text_sha256}.smoke.json"
    store.put(text, fitted.text)
    store.put(smoke, seal(to_json(fitted.smoke)))
    curves = f"models/{fitted.text_sha256}.curves.json"
    store.put(curves, seal(to_json(drawing(context.protocol, fitted))))
    return TrainedModel(
        run=ids.run_id(run),
        tracking_run=run,
        model=ids.model_id(context.protocol.name, context.protocol.version, fitted.trees),
        snapshot=snapshot.id,
        datasource=snapshot.datasource,
        text=text,
        text_sha256=fitted.text_sha256,
        trees=fitted.trees,
        metrics=fitted.metrics,
        train_rows=fitted.train_rows,
        test_rows=fitted.test_rows,
        smoke=smoke,
        lost=training.lost(fitted.gates),
        started=iso(started),
        seconds=(dt.datetime.now(dt.UTC) - started).total_seconds(),
        restored=sentence(context.restored) if context.restored else None,
        protocol=spec.to_json(context.protocol).decode(),
        environment=fitted.environment,
        threshold=fitted.threshold,
        intervals=fitted.intervals,
        curves=curves,
    )
