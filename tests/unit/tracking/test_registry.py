"""Model versions in a real MLflow: never twice, never without their artifact, nothing that runs code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pulse_blocks.errors import UnavailableError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import TrainedModel
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking import Tracking
from tests import small_data

Trained = Callable[[str], TrainedModel]
FILES = {"bundle.json": b"{}", "model.txt": b"tree\n"}


def opened(tracking: Tracking, contract: Protocol, attempt: str) -> str:
    return tracking.open_run(contract, "snap_9f2c41ab77e0", "9" * 64, "parcels", attempt)


def folder_of(tracking: Tracking, workspace: Workspace, version: str) -> Path:
    source = tracking._client.get_model_version("small", version).source
    return Path(workspace.artifacts) / "small" / "models" / source.removeprefix("models:/") / "artifacts"


def test_version_carries_its_lineage(tracked: Workspace, contract: Protocol, trained: Trained) -> None:
    """A version has the run's lineage, its model's id and the alias, and belongs to its run."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract, "attempt-1")
    version = tracking.register(contract, trained(run_id), FILES)
    tracking.set_champion("small", trained(run_id).model)
    found = tracking._client.get_model_version_by_alias("small", "champion")
    assert (found.version, found.run_id) == (int(version), run_id)
    assert found.tags["pulse.model"] == "small@1.0.0-3fa94c1"
    assert found.tags["pulse.snapshot"] == "snap_9f2c41ab77e0"
    assert found.tags["pulse.snapshot.hash"] == "9" * 64
    assert found.tags["pulse.run"] == f"run_{run_id[:12]}"
    assert found.tags["pulse.datasource"] == "parcels"


def test_artifact_holds_no_code(tracked: Workspace, contract: Protocol, trained: Trained) -> None:
    """The artifact is MLmodel, requirements and the bundle's two files: nothing pickled, no code."""
    tracking = Tracking(tracked)
    version = tracking.register(contract, trained(opened(tracking, contract, "a")), FILES)
    folder = folder_of(tracking, tracked, version)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"MLmodel", "requirements.txt", "python_env.yaml", "data/bundle.json", "data/model.txt"}
    assert (folder / "data" / "model.txt").read_bytes() == FILES["model.txt"]
    assert all("==" in line for line in (folder / "requirements.txt").read_text().splitlines())


def test_signature_is_the_protocol(tracked: Workspace, contract: Protocol, trained: Trained) -> None:
    """Inputs are the features with their types in the protocol's order, nullable ones optional."""
    from mlflow.models import Model

    tracking = Tracking(tracked)
    version = tracking.register(contract, trained(opened(tracking, contract, "a")), FILES)
    model = Model.load(str(folder_of(tracking, tracked, version) / "MLmodel"))
    assert [(c.name, c.type.name, c.required) for c in model.signature.inputs] == [
        ("weight", "double", True),
        ("distance", "double", False),
        ("carrier", "string", True),
        ("stops", "long", True),
        ("express", "boolean", True),
    ]
    assert [(c.name, c.type.name) for c in model.signature.outputs] == [
        ("probability", "double"),
        ("decision", "boolean"),
    ]
    assert model.flavors["python_function"]["loader_module"] == "pulse_blocks.serving.pyfunc"


def test_outputs_of_other_tasks() -> None:
    """A multiclass model gives one probability for each class, a regression its value."""
    from pulse_blocks.tracking.model_folder import signature

    classes = small_data.protocol(
        task="multiclass-classification", target={"name": "zone", "type": "int", "values": [1, 2]}
    )
    assert signature(classes).outputs.input_names() == ["1", "2"]
    value = small_data.protocol(task="regression", target={"name": "x", "type": "float"})
    assert signature(value).outputs.input_names() == ["value"]


def test_registering_again(tracked: Workspace, contract: Protocol, trained: Trained) -> None:
    """The same run, and another run with the same trees, find the version that is there."""
    tracking = Tracking(tracked)
    first = opened(tracking, contract, "attempt-1")
    version = tracking.register(contract, trained(first), FILES)
    second = opened(tracking, contract, "attempt-2")
    for run_id in (first, second):
        assert Tracking(tracked).register(contract, trained(run_id), FILES) == version
    assert len(tracking._client.search_model_versions("name = 'small'")) == 1


def test_upload_cut_short(
    tracked: Workspace, contract: Protocol, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash before the version leaves no version; the next try ends with one version and one whole artifact."""
    tracking = Tracking(tracked)
    run_id = opened(tracking, contract, "attempt-1")

    def cut(*_: object, **__: object) -> None:
        raise OSError("the disk went away")

    with monkeypatch.context() as patch:
        patch.setattr(tracking._client, "log_model_artifacts", cut)
        with pytest.raises(UnavailableError, match="the disk went away"):
            tracking.register(contract, trained(run_id), FILES)
    assert tracking._client.search_model_versions("name = 'small'") == []
    version = tracking.register(contract, trained(run_id), FILES)
    experiment = tracking._client.get_run(run_id).info.experiment_id
    assert len(tracking._client.search_logged_models([experiment])) == 1
    assert (folder_of(tracking, tracked, version) / "data" / "model.txt").read_bytes() == FILES["model.txt"]
