"""MLflow runs: one for each attempt at training, found again by its tag."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pulse_blocks import ids
from pulse_blocks.protocol.spec import Protocol, to_json
from pulse_blocks.records import TrainedModel, as_dict
from pulse_blocks.settings import Workspace
from pulse_blocks.training.card import Card
from pulse_blocks.training.card.plots import importance_png
from pulse_blocks.training.fitted import Fitted

_BATCH = 1000
_TAG_LENGTH = 5000
_DIGEST_LENGTH = 36


def experiment_id(client: Any, workspace: Workspace, name: str) -> str:
    """The experiment of a protocol, made where there is none (two processes at once get the same)."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifact_location=_artifacts(workspace, name)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def open_run(client: Any, experiment: str, name: str, attempt: str, tags: dict[str, str]) -> str:
    """The run of ``attempt``, created with its tags in one transaction, or the one that is there, resumed."""
    escaped = attempt.replace("'", "")
    found = client.search_runs([experiment], f"tags.`pulse.attempt` = '{escaped}'", max_results=1)
    if found:
        run_id = str(found[0].info.run_id)
        client.update_run(run_id, status="RUNNING")
    else:
        created = client.create_run(experiment, run_name=name, tags={**tags, "pulse.attempt": escaped})
        run_id = str(created.info.run_id)
    client.set_tag(run_id, "pulse.run", ids.run_id(run_id))
    return run_id


def log_dataset(client: Any, run_id: str, snapshot_id: str, snapshot_hash: str, source: str) -> None:
    """The snapshot as the run's dataset, with a digest of all of its rows (MLflow's own reads 10,000)."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=snapshot_id,
        digest=snapshot_hash[:_DIGEST_LENGTH],
        source_type="pulse",
        source=json.dumps({"uri": source}),
    )
    context = InputTag("mlflow.data.context", "training")
    client.log_inputs(run_id, datasets=[DatasetInput(dataset, [context])])


def log_training(
    client: Any, run_id: str, protocol: Protocol, fitted: Fitted, protocol_file: Path | None
) -> None:
    """Parameters, metrics, plot and protocol; the same again changes nothing."""
    from mlflow.entities import Param, RunTag

    training = protocol.training
    params = {
        **fitted.params,
        "rounds": training.rounds,
        "split.by": training.split.by,
        "split.test": training.split.test,
        "best_round": fitted.rounds,
        "train_rows": fitted.train_rows,
        "validation_rows": fitted.validation_rows,
        "test_rows": fitted.test_rows,
        **_decided(fitted),
    }
    began = client.get_run(run_id).info.start_time
    model = ids.model_id(protocol.name, protocol.version, fitted.trees)
    client.log_batch(
        run_id,
        params=[Param(key, str(value)) for key, value in params.items()],
        tags=[RunTag("pulse.model", model), *_environment_tags(fitted)],
    )
    metrics = list(_metrics(fitted, began))
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
    client.log_dict(run_id, fitted.importance, "importance.json")
    client.log_dict(run_id, as_dict(fitted.environment), "environment.json")
    _log_bytes(client, run_id, "importance.png", importance_png(fitted.importance))
    _log_bytes(client, run_id, "protocol.json", to_json(protocol))
    if protocol_file is not None:
        _log_bytes(client, run_id, "protocol.yaml", protocol_file.read_bytes())


def _decided(fitted: Fitted) -> dict[str, Any]:
    """What calibration and search came to."""
    found: dict[str, Any] = {}
    if fitted.calibration is not None:
        found["calibration"] = fitted.calibration.method
    if fitted.searched is not None:
        found |= {"search.trials": fitted.searched.trials, "search.best_trial": fitted.searched.best}
    return found


def _environment_tags(fitted: Fitted) -> list[Any]:
    """Versions and machine as tags, so that runs can be searched by them."""
    from mlflow.entities import RunTag

    said = fitted.environment
    facts = {**said.packages, "python": said.python, "platform": said.platform}
    return [RunTag(f"pulse.environment.{name}", value) for name, value in facts.items()]


def log_arrival(client: Any, run_id: str, trained: TrainedModel, workspace: str) -> None:
    """What a run says that trained nothing: whose model it stands for. The same again changes nothing."""
    from mlflow.entities import Metric, RunTag

    began = client.get_run(run_id).info.start_time
    tags = {"pulse.model": trained.model, "pulse.trained_in": workspace, "pulse.trained_by": trained.run}
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, began, 0) for name, value in trained.metrics.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )


def log_card(client: Any, run_id: str, card: Card) -> None:
    """The model card as two files; the same again replaces them."""
    from pulse_blocks.training.card import html, markdown

    _log_bytes(client, run_id, "model_card.md", markdown(card).encode())
    _log_bytes(client, run_id, "model_card.html", html(card).encode())


def fail(client: Any, run_id: str, message: str) -> None:
    """End a run as failed, and say why."""
    client.set_tag(run_id, "pulse.error", message[:_TAG_LENGTH])
    client.set_terminated(run_id, "FAILED")


def log_rounds(client: Any, run_id: str, batch: Sequence[tuple[int, Mapping[str, float]]]) -> None:
    """Metrics of some rounds, as ``log_training`` logs them of all."""
    from mlflow.entities import Metric

    began = client.get_run(run_id).info.start_time
    found = [Metric(f"rounds/{n}", value, began, step) for step, one in batch for n, value in one.items()]
    for start in range(0, len(found), _BATCH):
        client.log_batch(run_id, metrics=found[start : start + _BATCH], synchronous=True)


def _metrics(fitted: Fitted, began: int) -> Iterator[Any]:
    """A metric's time is the run's start, so that a repeated one is the same row and not another."""
    from mlflow.entities import Metric

    for name, value in fitted.metrics.items():
        yield Metric(name, value, began, 0)
    for name, (low, high) in fitted.intervals.items():
        yield Metric(f"{name}_low", low, began, 0)
        yield Metric(f"{name}_high", high, began, 0)
    for name, (before, _) in fitted.uncalibrated.items():
        yield Metric(f"{name}_uncalibrated", before, began, 0)
    if fitted.threshold is not None:
        yield Metric("decision_threshold", fitted.threshold, began, 0)
    for name, values in fitted.history.items():
        for step, value in enumerate(values, start=1):
            yield Metric(f"rounds/{name}", value, began, step)


def _artifacts(workspace: Workspace, name: str) -> str | None:
    """Where artifacts go; a tracking server with its own place decides itself."""
    if workspace.tracking.startswith("http") and "://" not in workspace.artifacts:
        return None
    return f"{workspace.artifacts.rstrip('/')}/{name}"


def _log_bytes(client: Any, run_id: str, name: str, data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        client.log_artifact(run_id, str(path))
