"""The events of a pipeline: one run for the whole, one for each stage below it, and the data between them."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import msgspec
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState

from pulse_blocks.openlineage import facets
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import (
    Deployment,
    RawBatch,
    Record,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
)
from pulse_blocks.secret_urls import hidden
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots.reading import load
from pulse_blocks.stores import open_store
from pulse_blocks.validation.report import load_report

_NAMESPACE = uuid.UUID("5b0c2b8e-6f5c-5c5e-9a51-8f6b3d9d2a10")
PIPELINE = ""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a stage (or, without a stage's name, to the whole): taken down where it happened."""

    stage: str
    state: RunState
    at: dt.datetime
    records: tuple[Record, ...] = ()
    message: str = ""


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """Whose events these are. ``attempt`` decides the ids of the runs, so that a resumed run goes on with them."""

    workspace: Workspace
    protocol: Protocol
    attempt: str

    def events(self, told: Told) -> list[RunEvent]:
        """The event of one thing that was told."""
        run_facets: dict[str, Any] = {}
        if told.stage:
            run_facets["parent"] = facets.parent(self._run_id(PIPELINE), self.namespace, self._job(PIPELINE))
        if told.message:
            run_facets["errorMessage"] = facets.failure(told.message)
        for record in told.records:
            if isinstance(record, TrainedModel):
                run_facets["pulse_model"] = _model(record, told.records)
        path = Path(self.workspace.protocols) / f"{self.protocol.name}.yaml"
        job_facets = {
            "jobType": facets.kind("TASK" if told.stage else "FLOW"),
            "sourceCodeLocation": facets.source_code(path),
        }
        inputs, outputs = self._data(told)
        return [
            RunEvent(
                eventTime=told.at.isoformat(),
                eventType=told.state,
                run=Run(runId=self._run_id(told.stage), facets=run_facets),
                job=Job(namespace=self.namespace, name=self._job(told.stage), facets=job_facets),
                inputs=inputs,
                outputs=outputs,
            )
        ]

    @property
    def namespace(self) -> str:
        """The jobs of one workspace."""
        return f"pulse://{self.workspace.name}"

    def _job(self, stage: str) -> str:
        return f"{self.protocol.name}.{stage}" if stage else self.protocol.name

    def _run_id(self, stage: str) -> str:
        return str(uuid.uuid5(_NAMESPACE, f"{self.attempt} {stage}"))

    def _data(self, told: Told) -> tuple[list[InputDataset], list[OutputDataset]]:
        """What a stage that has ended read and wrote."""
        if told.state is not RunState.COMPLETE:
            return [], []
        read = [self._read(told.stage, record) for record in told.records]
        wrote = [self._wrote(told.stage, record) for record in told.records]
        return [one for one in read if one], [one for one in wrote if one]

    def _read(self, stage: str, record: Record) -> InputDataset | None:
        match stage, record:
            case "ingest", RawBatch():
                return self._source(record)
            case "snapshot", RawBatch():
                return InputDataset(namespace=self._store, name=self._batch(record).name)
            case (("validate" | "train"), ValidatedData()):
                return self._checked(record, with_report=stage == "validate")
            case "deploy", StoredModel():
                return InputDataset(namespace=self._store, name=record.bundle)
            case _:
                return None

    def _wrote(self, stage: str, record: Record) -> OutputDataset | None:
        match stage, record:
            case "ingest", RawBatch():
                return self._batch(record)
            case "snapshot", SnapshotRef():
                return self._snapshot(record.id)
            case "store", StoredModel():
                return self._bundle(record)
            case "deploy", Deployment():
                return self._pointer(record)
            case _:
                return None

    @property
    def _store(self) -> str:
        store = hidden(self.workspace.store)
        return store if "://" in store else f"file://{store}"

    def _source(self, raw: RawBatch) -> InputDataset:
        known = self.workspace.datasources.get(raw.datasource)
        uri = hidden(known.url) if known else f"prefect-block://{raw.datasource}"
        return InputDataset(
            namespace=uri.partition("?")[0],
            name=raw.datasource,
            facets={
                "schema": facets.schema(raw.columns),
                "dataSource": facets.data_source(raw.datasource, uri),
            },
        )

    def _batch(self, raw: RawBatch) -> OutputDataset:
        size = sum(chunk.bytes for chunk in raw.chunks)
        return OutputDataset(
            namespace=self._store,
            name=f"{self.protocol.name}/batch/{raw.content[:12]}",
            facets={"schema": facets.schema(raw.columns), "version": facets.version(raw.content)},
            outputFacets={"outputStatistics": facets.statistics(raw.rows, size, len(raw.chunks))},
        )

    def _snapshot(self, snapshot: str) -> OutputDataset:
        found = load(open_store(self.workspace.store), snapshot)
        return OutputDataset(
            namespace=self._store,
            name=f"{self.protocol.name}/{found.id}",
            facets={
                "schema": facets.schema(found.columns),
                "dataSource": facets.data_source("store", self._store),
                "version": facets.version(found.hash),
            },
            outputFacets={"outputStatistics": facets.statistics(found.rows, found.bytes, len(found.chunks))},
        )

    def _checked(self, data: ValidatedData, *, with_report: bool) -> InputDataset:
        found = load(open_store(self.workspace.store), data.snapshot)
        quality = {}
        if with_report:
            report = load_report(open_store(self.workspace.store), data)
            quality["dataQualityAssertions"] = facets.assertions(report)
        return InputDataset(
            namespace=self._store,
            name=f"{self.protocol.name}/{found.id}",
            facets={"schema": facets.schema(found.columns), "version": facets.version(found.hash)},
            inputFacets=quality,
        )

    def _bundle(self, stored: StoredModel) -> OutputDataset:
        return OutputDataset(
            namespace=self._store,
            name=stored.bundle,
            facets={"version": facets.version(stored.bundle_sha256)},
        )

    def _pointer(self, deployed: Deployment) -> OutputDataset:
        return OutputDataset(
            namespace=self.namespace,
            name=f"champion/{self.protocol.name}",
            facets={"version": facets.version(deployed.champion)},
        )


def _model(trained: TrainedModel, records: tuple[Record, ...]) -> facets.PulseModelRunFacet:
    promoted = next((one.promoted for one in records if isinstance(one, Deployment)), None)
    return facets.PulseModelRunFacet(
        model=trained.model,
        trees=trained.trees,
        metrics=dict(trained.metrics),
        trainRows=trained.train_rows,
        testRows=trained.test_rows,
        snapshot=trained.snapshot,
        promoted=promoted,
    )
