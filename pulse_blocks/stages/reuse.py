"""What decides a stage's result, as one key: a run that changes nothing of it finds the result again.

Ingest always reads, since nobody else knows whether the data are the same, and the snapshot's id then says so. Store
and deploy look for what is there by themselves. What is left are validation and training.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.records import Record, SnapshotRef, TrainedModel, ValidatedData, from_json
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.ledger.rows import StageRow
    from pulse_blocks.protocol.spec import Protocol
    from pulse_blocks.stores.base import Store

# Code that has a say in a result, and packages that do.
_VALIDATING = ("validation", "snapshots", "sketches", "protocol"), ("pandera", "polars", "pyarrow")
_TRAINING = (
    ("training", "snapshots", "sketches", "protocol"),
    ("lightgbm", "numpy", "pyarrow", "scikit-learn"),
)
# Where and for how long a fit runs does not decide its trees. On how many workers it runs does, and checkpoints do.
_PASSING = ("resources", "schedule")


def key(before: Record | None, context: Context) -> str | None:
    """The key of the stage that takes ``before``; None for stages whose results are not found by one."""
    match before:
        case SnapshotRef():
            return _hash("validate", *_validating(before, context))
        case ValidatedData():
            return _hash("train", *_training(before, context))
        case _:
            return None


def found(row: StageRow, context: Context) -> Record | None:
    """The record of an earlier result, as this run's own; None where what it stands on is gone or has changed."""
    if row.stage == "validate":
        return _validated(from_json(row.record, ValidatedData), context)
    return _trained(from_json(row.record, TrainedModel), context)


def _validating(taken: SnapshotRef, context: Context) -> Sequence[Any]:
    protocol = context.protocol
    return (
        taken.hash,
        protocol.task,
        (protocol.source.key, protocol.source.time),
        (_ordered(protocol), protocol.columns, protocol.target),
        (protocol.checks, protocol.on_invalid, protocol.monitoring),
        # Only the check of freshness looks at the clock.
        context.window.end if context.window and any(check.fresh for check in protocol.checks) else None,
        _code(*_VALIDATING),
    )


def _training(data: ValidatedData, context: Context) -> Sequence[Any]:
    from pulse_blocks.stores import open_store
    from pulse_blocks.validation import load_report

    protocol = context.protocol
    training = msgspec.to_builtins(protocol.training)
    decides = {name: value for name, value in training.items() if name not in _PASSING}
    report = load_report(open_store(context.workspace.store), data)
    return (
        data.snapshot,
        report.quarantine_sha256,
        protocol.task,
        (protocol.source.key, protocol.source.time),
        (_ordered(protocol), protocol.columns, protocol.target, protocol.output),
        (decides, protocol.training.resources.workers, protocol.monitoring),
        _code(*_TRAINING),
    )


def _ordered(protocol: Protocol) -> list[Any]:
    """Features in their order, which is that of the model's matrix."""
    return list(protocol.features.items())


def _hash(*facts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()


@functools.cache
def _code(folders: tuple[str, ...], packages: tuple[str, ...]) -> tuple[str, ...]:
    """The sha256 of these folders' code, and the versions of these packages."""
    digest, root = hashlib.sha256(), Path(__file__).parent.parent
    for folder in (*folders, "stages"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest(), *(importlib.metadata.version(name) for name in packages)


def _validated(record: ValidatedData, context: Context) -> ValidatedData | None:
    from pulse_blocks.stores import open_store

    store = open_store(context.workspace.store)
    return record if _there(store, record.report, record.quarantine) else None


def _trained(record: TrainedModel, context: Context) -> TrainedModel | None:
    """None also where the champion is another than the one that the model was compared with."""
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.protocol import spec
    from pulse_blocks.stages.restored import sentence
    from pulse_blocks.stores import open_store

    if not _there(open_store(context.workspace.store), record.text, record.smoke, record.curves):
        return None
    with open_ledger(context.workspace.ledger) as ledger:
        champion = ledger.champion(context.protocol.name)
    if champion is not None and champion.model not in (record.model, record.champion):
        return None
    restored = sentence(context.restored) if context.restored else None
    if record.protocol == spec.to_json(context.protocol).decode() and record.restored == restored:
        return record
    return _of_this_run(record, context, restored)


def _of_this_run(record: TrainedModel, context: Context, restored: str | None) -> TrainedModel:
    """The same trees under another protocol: a run of their own in MLflow, which says whose they are."""
    import datetime as dt

    from pulse_blocks import ids
    from pulse_blocks.protocol import spec
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.times import iso
    from pulse_blocks.tracking import Tracking

    started = dt.datetime.now(dt.UTC)
    protocol, tracking = context.protocol, Tracking(context.workspace)
    snapshot = load(open_store(context.workspace.store), record.snapshot)
    run = tracking.open_run(protocol, snapshot.id, snapshot.hash, snapshot.datasource, context.attempt)
    tracking.copy_training(record.tracking_run, run, protocol)
    return msgspec.structs.replace(
        record,
        run=ids.run_id(run),
        tracking_run=run,
        model=ids.model_id(protocol.name, protocol.version, record.trees),
        protocol=spec.to_json(protocol).decode(),
        restored=restored,
        started=iso(started),
        seconds=(dt.datetime.now(dt.UTC) - started).total_seconds(),
        reused=record.reused or record.run,
    )


def _there(store: Store, *keys: str | None) -> bool:
    return all(one is None or store.size(one) is not None for one in keys)
