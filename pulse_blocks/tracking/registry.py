"""Model versions: each with its artifact, its signature and the tags of its lineage, once for each model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import TrainedModel
from pulse_blocks.tracking.model_folder import write_model_folder

CHAMPION = "champion"


def register(client: Any, protocol: Protocol, trained: TrainedModel, files: Mapping[str, bytes]) -> str:
    """The version of ``trained`` in the registry: the one that is there, or a new one.

    The version is created last, with all its tags in one transaction: none is ever without its artifact.
    """
    name = protocol.name
    _require_name(client, protocol)
    if known := version_of(client, name, trained.model):
        return known
    found = client.search_model_versions(
        f"name = '{name}' and run_id = '{trained.tracking_run}'", max_results=1
    )
    if found:
        return str(found[0].version)
    model_id = _logged_model(client, protocol, trained, files)
    run = client.get_run(trained.tracking_run)
    lineage = {key: value for key, value in run.data.tags.items() if key.startswith("pulse.")}
    version = client.create_model_version(
        name,
        source=f"models:/{model_id}",
        run_id=trained.tracking_run,
        model_id=model_id,
        tags={**lineage, "pulse.model": trained.model, "pulse.trees": trained.trees},
        description=f"{trained.model}, trained by {trained.run} on {trained.snapshot}.",
        await_creation_for=0,
    )
    return str(version.version)


def version_of(client: Any, name: str, model: str) -> str | None:
    """The version of a model, None where the registry has none."""
    found = client.search_model_versions(f"name = '{name}' and tags.`pulse.model` = '{model}'", max_results=1)
    return str(found[0].version) if found else None


def set_champion(client: Any, name: str, version: str) -> None:
    """Let the alias ``champion`` name this version."""
    client.set_registered_model_alias(name, CHAMPION, version)


def _require_name(client: Any, protocol: Protocol) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(protocol.name)
    except MlflowException as missing:
        if missing.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        try:
            client.create_registered_model(
                protocol.name, tags={"pulse.owner": protocol.owner}, description=protocol.description
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _logged_model(client: Any, protocol: Protocol, trained: TrainedModel, files: Mapping[str, bytes]) -> str:
    """MLflow's id of the run's model, uploaded and READY; one whose upload was cut short is finished."""
    from mlflow.entities import LoggedModelOutput

    experiment = client.get_run(trained.tracking_run).info.experiment_id
    found = client.search_logged_models(
        [experiment], f"source_run_id = '{trained.tracking_run}'", max_results=1
    )
    logged = (
        found[0]
        if found
        else client.create_logged_model(
            experiment,
            name=protocol.name,
            source_run_id=trained.tracking_run,
            tags={"pulse.model": trained.model},
            model_type="lightgbm",
        )
    )
    if str(logged.status) != "READY":
        with tempfile.TemporaryDirectory(prefix="pulse-") as folder:
            write_model_folder(Path(folder), protocol, files, logged.model_id, trained.tracking_run)
            client.log_model_artifacts(logged.model_id, folder)
        client.log_outputs(trained.tracking_run, [LoggedModelOutput(logged.model_id, 0)])
        client.finalize_logged_model(logged.model_id, "READY")
    return str(logged.model_id)
