"""The six stages of a protocol in this process, without Prefect: what the flow does, one after the other."""

from __future__ import annotations

import datetime as dt

import msgspec

from pulse_blocks.ledger import migrate, open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.protocol.window import resolve
from pulse_blocks.records import (
    Deployment,
    RawBatch,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
    to_json,
)
from pulse_blocks.settings import Workspace
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.deploy import deploy
from pulse_blocks.stages.ingest import ingest
from pulse_blocks.stages.snapshot import snapshot
from pulse_blocks.stages.store import store
from pulse_blocks.stages.train import train
from pulse_blocks.stages.validate import validate


class Outcome(msgspec.Struct, frozen=True):
    """The records of one run, by stage."""

    raw: RawBatch
    taken: SnapshotRef
    data: ValidatedData
    model: TrainedModel
    stored: StoredModel
    deployed: Deployment


def run(workspace: Workspace, name: str = "tiny") -> Outcome:
    """Run a protocol of the workspace; every record goes into the ledger."""
    protocol = loading.load(loading.find(workspace, name))
    migrate(workspace.ledger)
    with open_ledger(workspace.ledger) as ledger:
        restored = ledger.restored(name)
        attempt = ledger.begin(name, f"{protocol.digest} {restored}").id
        window = None if restored else resolve(protocol, None, None, dt.datetime.now(dt.UTC))
        context = Context(
            protocol=protocol, workspace=workspace, window=window, attempt=attempt, restored=restored
        )

        def keep(stage: str, record_id: str, record: msgspec.Struct) -> None:
            ledger.finish_stage(attempt, stage, record_id, to_json(record), 1.0)  # type: ignore[arg-type]

        raw = ingest(window, context)
        keep("ingest", raw.content, raw)
        taken = snapshot(raw, context)
        keep("snapshot", taken.id, taken)
        data = validate(taken, context)
        keep("validate", data.snapshot, data)
        model = train(data, context)
        keep("train", model.run, model)
        stored = store(model, context)
        keep("store", stored.model, stored)
        deployed = deploy(stored, context)
        keep("deploy", deployed.model, deployed)
        ledger.end(attempt, "completed", deployed.reason)
    return Outcome(raw, taken, data, model, stored, deployed)
