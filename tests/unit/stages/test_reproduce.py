"""Reproduce: the same run gives the same trees, and where it does not, everything that differs is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.cli.main import run as pulse
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import spec
from pulse_blocks.records import to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots.layout import chunk_key
from pulse_blocks.snapshots.reading import load
from pulse_blocks.stages.reproduce import reproduce
from pulse_blocks.stores import open_store
from tests import six_stages
from tests.tiny_project import make_project, write_parcels


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, six_stages.Outcome]:
    """A run with some rows in quarantine, whose datasource is gone since."""
    folder = make_project(tmp_path_factory.mktemp("reproduced") / "project")
    data = folder / ".pulse" / "parcels.db"
    write_parcels(data, broken=0.004)
    workspace = settings.load(folder, environ={})
    outcome = six_stages.run(workspace)
    data.unlink()
    return workspace, outcome


def recorded_otherwise(workspace: Workspace, outcome: six_stages.Outcome, **facts: Any) -> str:
    """The same run in the ledger again, with other facts; its id."""
    other = msgspec.structs.replace(outcome.model, **facts)
    with open_ledger(workspace.ledger) as ledger:
        attempt = ledger.begin("tiny", other.run).id
        ledger.finish_stage(attempt, "validate", other.snapshot, to_json(outcome.data), 1.0)
        ledger.finish_stage(attempt, "train", other.run, to_json(other), 1.0)
        ledger.end(attempt, "completed")
    return other.run


def test_same_trees_from_the_snapshot_alone(made: tuple[Workspace, six_stages.Outcome]) -> None:
    """The datasource is gone and rows were in quarantine: the trees are the same, and nothing differs."""
    workspace, outcome = made
    assert outcome.data.quarantined > 0
    found = reproduce(workspace, outcome.model.run[:9])
    assert (found.same, found.trees, found.run) == (True, outcome.model.trees, outcome.model.run)
    assert found.differences == ()


def test_what_decides_is_recorded_everywhere(made: tuple[Workspace, six_stages.Outcome]) -> None:
    """The record of the stage and the bundle hold versions, machine, parameters and the protocol of the run."""
    from pulse_blocks import bundle

    workspace, outcome = made
    said = outcome.model.environment
    assert said is not None
    assert set(said.packages) == {"lightgbm", "numpy", "pyarrow", "pulse-blocks"}
    assert (said.parameters["seed"], said.parameters["num_leaves"]) == (3, 7)
    loaded = bundle.load(open_store(workspace.store), outcome.stored.bundle, outcome.stored.bundle_sha256)
    assert loaded.bundle.run.environment == said
    assert spec.from_json(outcome.model.protocol) == loaded.protocol


def test_differences_are_named(made: tuple[Workspace, six_stages.Outcome]) -> None:
    """Of a run with other trees: digest, first tree, parameter, version and metric that are not as recorded."""
    workspace, outcome = made
    protocol = spec.from_json(outcome.model.protocol)
    training = msgspec.structs.replace(protocol.training, params={"num_leaves": 6, "min_data_in_leaf": 20})
    assert outcome.model.environment is not None
    packages = {**outcome.model.environment.packages, "numpy": "1.0"}
    run = recorded_otherwise(
        workspace,
        outcome,
        run="run_0123456789ab",
        protocol=spec.to_json(msgspec.structs.replace(protocol, training=training)).decode(),
        environment=msgspec.structs.replace(outcome.model.environment, packages=packages),
    )
    found = reproduce(workspace, run)
    told = {one.what: (one.recorded, one.now) for one in found.differences}
    assert not found.same
    assert told["trees"] == (outcome.model.trees, found.trees)
    assert told["parameters.num_leaves"] == told["written_parameters.num_leaves"] == ("7", "6")
    assert told["packages.numpy"][0] == "1.0"
    assert told["trees.content"][1].endswith("tree 0 is the first")
    assert any(what.startswith("metrics.") for what in told)


def test_a_run_of_before_anything_was_recorded(made: tuple[Workspace, six_stages.Outcome]) -> None:
    """Its protocol is taken from the bundle; that its environment is not known is said."""
    workspace, outcome = made
    run = recorded_otherwise(workspace, outcome, run="run_ba9876543210", protocol="", environment=None)
    found = reproduce(workspace, run)
    assert found.same
    assert [one.what for one in found.differences] == ["environment"]


@pytest.mark.parametrize(
    ("run", "code"), [("run_ffffffffffff", "lineage.unknown"), ("snap_1234", "lineage.unknown")]
)
def test_unknown_runs(made: tuple[Workspace, six_stages.Outcome], run: str, code: str) -> None:
    """What is no run is refused."""
    with pytest.raises(PulseError) as error:
        reproduce(made[0], run)
    assert error.value.code == code


def test_command(
    made: tuple[Workspace, six_stages.Outcome],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``same`` and ``differences`` as JSON; the exit code says whether the trees are the same."""
    workspace, outcome = made
    monkeypatch.setenv("PULSE_ROOT", workspace.root)
    assert pulse(["reproduce", outcome.model.run, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["same"], said["differences"]) == (True, [])
    other = recorded_otherwise(workspace, outcome, run="run_00000000000a", trees="0" * 64)
    assert pulse(["reproduce", other]) == 1
    assert "others" in capsys.readouterr().out


def test_another_machine_and_other_versions_are_named(
    made: tuple[Workspace, six_stages.Outcome],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A run of a year ago, elsewhere: each version and each fact of the machine, and that the trees are the same.

    The number of threads is recorded, and no difference; a package that was not there is one.
    """
    workspace, outcome = made
    recorded = outcome.model.environment
    assert recorded is not None
    packages = {**recorded.packages, "lightgbm": "4.6.0", "pyarrow": "19.0.1", "polars": "1.0"}
    machine = {"python": "3.10.2", "platform": "Linux aarch64 glibc 2.31", "processor": "Neoverse-N1"}
    elsewhere = msgspec.structs.replace(recorded, packages=packages, threads=64, **machine)
    run = recorded_otherwise(workspace, outcome, run="run_00000000000b", environment=elsewhere)
    monkeypatch.setenv("PULSE_ROOT", workspace.root)
    assert pulse(["reproduce", run, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["same"]
    assert {one["what"]: (one["recorded"], one["now"]) for one in said["differences"]} == {
        **{what: (then, getattr(recorded, what)) for what, then in machine.items()},
        "packages.lightgbm": ("4.6.0", recorded.packages["lightgbm"]),
        "packages.pyarrow": ("19.0.1", recorded.packages["pyarrow"]),
        "packages.polars": ("1.0", "none"),
    }
    assert pulse(["reproduce", run]) == 0
    printed = capsys.readouterr().out
    assert "the same, to the bit" in printed
    assert all(then in printed for then in machine.values())


def test_a_damaged_chunk_is_no_other_model(made: tuple[Workspace, six_stages.Outcome]) -> None:
    """A flipped byte is an error that names the chunk.."""
    workspace, outcome = made
    store = open_store(workspace.store)
    chunk = load(store, outcome.model.snapshot).chunks[0]
    path = Path(store.locate(chunk_key(chunk.sha256)))
    sound = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(sound[:-9] + bytes([sound[-9] ^ 1]) + sound[-8:])
    with pytest.raises(PulseError) as error:
        reproduce(workspace, outcome.model.run)
    path.write_bytes(sound)
    assert error.value.code == "snapshot.chunk_corrupt"
