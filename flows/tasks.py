"""One Prefect task a stage. What a stage does is in pulse_blocks.stages; when it is tried again is said here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import State, Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun

from pulse_blocks.blocks.pipeline import PipelineRun
from pulse_blocks.blocks.training_step import train as train_stage
from pulse_blocks.blocks.trials import as_tasks
from pulse_blocks.errors import UnavailableError
from pulse_blocks.records import Deployment, RawBatch, SnapshotRef, StoredModel, TrainedModel, ValidatedData
from pulse_blocks.stages.deploy import deploy as deploy_stage
from pulse_blocks.stages.ingest import ingest as ingest_stage
from pulse_blocks.stages.snapshot import snapshot as snapshot_stage
from pulse_blocks.stages.store import store as store_stage
from pulse_blocks.stages.validate import validate as validate_stage


def may_help(_task: Task[Any, Any], _run: TaskRun, state: State[Any]) -> bool:
    """Only what was out of reach is tried again: a refusal stays one."""
    return isinstance(state.result(raise_on_failure=False), UnavailableError)


# The ledger remembers what a stage hands on, so Prefect need neither cache nor store it.
a_stage = task(
    retries=3,
    retry_delay_seconds=[1, 4, 16],
    retry_condition_fn=may_help,
    cache_policy=NO_CACHE,
    persist_result=False,
)


@a_stage
def ingest(run: PipelineRun) -> RawBatch:
    """Read the window from the datasource into content-addressed chunks."""
    return run.stage(RawBatch, ingest_stage, run.window)


@a_stage
def snapshot(raw: RawBatch, run: PipelineRun) -> SnapshotRef:
    """Verify the chunks and create the snapshot's manifest."""
    return run.stage(SnapshotRef, snapshot_stage, raw)


@a_stage
def validate(taken: SnapshotRef, run: PipelineRun) -> ValidatedData:
    """Check every rule of the protocol; rows that break one go to quarantine."""
    return run.stage(ValidatedData, validate_stage, taken)


@a_stage
def train(data: ValidatedData, run: PipelineRun) -> TrainedModel:
    """Fit the model and judge it on the held-out part."""
    with as_tasks(trial):
        return run.stage(TrainedModel, train_stage, data)


@task(task_run_name="trial-{number}", cache_policy=NO_CACHE, persist_result=False)
def trial(work: Callable[[Any], Any], what: Any, number: int) -> Any:  # noqa: ARG001  the number names the task run
    """One trial of a search for parameters (training.search)."""
    return work(what)


@a_stage
def store(model: TrainedModel, run: PipelineRun) -> StoredModel:
    """Register the model in MLflow and write its serving bundle."""
    return run.stage(StoredModel, store_stage, model)


@a_stage
def deploy(stored: StoredModel, run: PipelineRun) -> Deployment:
    """Make the model champion, if it serves what it was trained to and beats the champion there is."""
    return run.stage(Deployment, deploy_stage, stored)
