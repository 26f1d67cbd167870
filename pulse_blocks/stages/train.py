"""Train: a validated snapshot becomes a model, judged on rows that it has not seen."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from pulse_blocks import ids, progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol import spec
from pulse_blocks.records import RefusedModel, Searched, Snapshot, TrainedModel, ValidatedData, to_json
from pulse_blocks.stages.bookkeeping import Bookkeeping, bookkeeping
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.rejudging import champion_of
from pulse_blocks.stages.searching import forget, searched
from pulse_blocks.times import iso

if TYPE_CHECKING:
    from pulse_blocks.stores.base import Store
    from pulse_blocks.training import Champion, Fitted
    from pulse_blocks.training.process import Outcome, Request


def train(data: ValidatedData, context: Context) -> TrainedModel:
    """Fit and judge a model, and put its text and its smoke set into the store.

    Opens the MLflow run, or resumes the one of this attempt; store finishes it. Raises PulseError where a
    gate is missed: the run is then Failed in MLflow, and the ledger knows it as refused. A challenger that is
    worse than the champion is no error: ``lost`` says so. The fit runs in a process of its own, within the memory and
    the time that plan and protocol give it; where the memory was not enough it is tried again with more.
    """
    from pulse_blocks import training
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store

    started = dt.datetime.now(dt.UTC)
    store = open_store(context.workspace.store)
    snapshot = load(store, data.snapshot)
    champion = _champion(context, store)
    request = _request(data, snapshot, context, champion)
    outcome: Outcome | None = None
    with bookkeeping(context, snapshot) as books:
        try:
            outcome = _fit(request, context, _search(request, snapshot, store, context, books), books)
            tracking, run = books.settled()
            tried = ", ".join(outcome.memory)
            tracking.tag(run, {"pulse.memory": outcome.memory[-1], "pulse.memory.tried": tried})
            training.require(outcome.fitted.gates)
        except UnavailableError:
            raise
        except PulseError as error:
            if context.memory and error.code == "training.out_of_memory":
                raise  # whoever made the room may make more of it: the run goes on
            tracking, run = books.opened()
            tracking.fail(run, str(error))
            _remember(_refused(error, outcome.fitted if outcome else None, run, snapshot, started), context)
            if outcome:
                forget(outcome.fitted, data, snapshot, store, context)
            raise
    record = _record(outcome, champion, run, snapshot, context, store, started)
    forget(outcome.fitted, data, snapshot, store, context)
    return record


def _request(data: ValidatedData, snapshot: Snapshot, context: Context, champion: Champion | None) -> Request:
    from pulse_blocks.stores.s3_calls import signed_in
    from pulse_blocks.training.process import Request

    signed = signed_in()
    return Request(
        protocol=context.protocol,
        snapshot=snapshot,
        validated=data,
        store=context.workspace.store,
        champion=champion,
        credentials=dict(vars(signed)) if signed else None,
    )


def _search(
    request: Request, snapshot: Snapshot, store: Store, context: Context, books: Bookkeeping
) -> Searched | None:
    """What ``training.search`` has chosen. Its trials are runs below that of the training, so that one comes first."""
    if context.protocol.training.search is None:
        return None
    return searched(request, snapshot, store, context, *books.opened())


def _fit(request: Request, context: Context, found: Searched | None, books: Bookkeeping) -> Outcome:
    import msgspec

    from pulse_blocks.protocol.spec import seconds
    from pulse_blocks.training.execution import Execution
    from pulse_blocks.training.process import Beside, Outcome, fit, fit_within
    from pulse_blocks.training.sizing import in_bytes

    execution = Execution(dask=context.workspace.dask or None, searched=found)
    request = msgspec.structs.replace(request, execution=execution)
    beside = Beside(check=books.check, judged=books.judged)
    if not context.memory:
        return fit_within(request, told=lambda said: progress.report("train", 0.0, None, said), beside=beside)
    allowed = seconds(context.protocol.training.resources.timeout)
    done = fit(request, limit=in_bytes(context.memory[-1]), timeout=allowed, beside=beside)
    return Outcome(done.fitted, context.memory, done.peak, done.drift)


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
        code=error.code,
        hint=error.hint,
        started=iso(started),
        seconds=(dt.datetime.now(dt.UTC) - started).total_seconds(),
    )


def _remember(refused: RefusedModel, context: Context) -> None:
    from pulse_blocks.ledger import open_ledger

    with open_ledger(context.workspace.ledger) as ledger:
        ledger.finish_stage(context.attempt, "refused", refused.run, to_json(refused), refused.seconds)


def _champion(context: Context, store: Store) -> Champion | None:
    from pulse_blocks.ledger import open_ledger

    with open_ledger(context.workspace.ledger) as ledger:
        promotion = ledger.champion(context.protocol.name)
    return champion_of(promotion, store) if promotion else None


def _record(
    outcome: Outcome,
    champion: Champion | None,
    run: str,
    snapshot: Snapshot,
    context: Context,
    store: Store,
    started: dt.datetime,
) -> TrainedModel:
    from pulse_blocks import training
    from pulse_blocks.snapshots.sealing import seal
    from pulse_blocks.stages.restored import sentence
    from pulse_blocks.training.card import drawing

    fitted = outcome.fitted
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
        calibration=fitted.calibration,
        searched=fitted.searched,
        intervals=fitted.intervals,
        curves=curves,
        memory=outcome.memory,
        peak_memory=outcome.peak,
        champion=champion.model if champion else None,
        drift=outcome.drift,
    )
