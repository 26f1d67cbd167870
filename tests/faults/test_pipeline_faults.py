"""What goes wrong around a run: two at once, an MLflow that fails, is locked or full, a champion that is gone."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from tests import six_stages
from tests.faulty_proxy import HttpProxy, http_proxy
from tests.killed_runs import check_whole, run
from tests.prefect_server import Server
from tests.required import need
from tests.tiny_project import PROTOCOL, make_project

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
Tell = Callable[[str, str, str], None]


def versions(workspace: Workspace) -> list[Any]:
    """The model versions in the registry."""
    from mlflow import MlflowClient

    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    return list(client.search_model_versions("name='tiny'"))


def impatient(folder: Path) -> Path:
    """The project, whose tasks are tried as often as ever, with pauses of less than a second between."""
    tasks = folder / "flows" / "tasks.py"
    patient = tasks.read_text()
    tasks.write_text(patient.replace("retry_delay_seconds=[1, 4, 16]", "retry_delay_seconds=[0.1, 0.4, 0.8]"))
    assert tasks.read_text() != patient
    return folder


def test_two_runs_of_one_model_at_once(server: Server, tmp_path: Path, tell: Tell) -> None:
    """Both finish; every promotion names the one before it, and the registry's alias the last."""
    folder = make_project(tmp_path / "project")
    other = (folder / "protocols" / "tiny.yaml").read_text().replace("rounds: 20", "rounds: 25")
    done: list[subprocess.CompletedProcess[str]] = []
    threads = [threading.Thread(target=lambda: done.append(run(folder, server))) for _ in range(2)]
    threads[0].start()
    time.sleep(2.0)
    (folder / "protocols" / "tiny.yaml").write_text(other)
    threads[1].start()
    for thread in threads:
        thread.join()
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    with open_ledger(settings.load(folder, environ={}).ledger) as ledger:
        line = ledger.promotions("tiny")
        champion = ledger.champion("tiny")
    oldest_first = sorted(line, key=lambda one: one.seq)
    assert [one.previous for one in oldest_first] == [None, *(one.model for one in oldest_first[:-1])]
    assert champion is not None
    from mlflow import MlflowClient

    tracking = settings.load(folder, environ={}).tracking
    client = MlflowClient(tracking, registry_uri=tracking)
    assert str(client.get_model_version_by_alias("tiny", "champion").version) == champion.version
    tell("two runs of one model at once", "1 time", "both finish, promotions in one line")


@pytest.fixture
def behind_proxy(tmp_path: Path) -> Iterator[tuple[Path, HttpProxy]]:
    """A project whose MLflow is a server behind a proxy that can fail."""
    from pulse_blocks.cli.stack import mlflow_ui

    folder = impatient(make_project(tmp_path / "project"))
    real = settings.load(folder, environ={})
    server = mlflow_ui(real)
    try:
        server.wait_ready(180)
        with http_proxy(server.url) as proxy:
            path = folder / ".pulse" / settings.FILE
            path.write_text(f'tracking = "{proxy.url}"\n{path.read_text()}')
            yield folder, proxy
    finally:
        server.stop()


def test_mlflow_that_answers_with_errors(
    server: Server, behind_proxy: tuple[Path, HttpProxy], tell: Tell
) -> None:
    """Retried, then one clear sentence and no version; once it is well the same command ends the same attempt."""
    folder, proxy = behind_proxy
    proxy.choose = lambda line: "500" if b"model-versions/create" in line else "pass"
    # As often as ever too, without MLflow's own pauses.
    failed = run(folder, server, MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="0")
    assert failed.returncode == 1
    error = json.loads(failed.stdout)["error"]
    assert error["code"] == "tracking.unavailable"
    assert "out of reach" in error["message"]
    assert sum("500" in line for line in proxy.requests) > 3
    assert versions(settings.load(folder, environ={})) == []
    proxy.choose = lambda _: "pass"
    again = run(folder, server)
    assert again.returncode == 0, again.stderr
    check_whole(folder, json.loads(again.stdout))
    tell(
        "MLflow answers 500 to what creates a version",
        "until it heals",
        "retried, told; the next run ends it",
    )


def test_mlflow_whose_database_is_locked(server: Server, tmp_path: Path, tell: Tell) -> None:
    """Somebody writes for a quarter of a minute: the run waits and ends well."""
    folder = make_project(tmp_path / "project")
    workspace = settings.load(folder, environ={})
    from pulse_blocks.tracking import Tracking

    Tracking(workspace)
    locked = sqlite3.connect(workspace.tracking.removeprefix("sqlite:///"), check_same_thread=False)
    locked.execute("begin exclusive")
    timer = threading.Timer(25, locked.rollback)
    timer.start()
    done = run(folder, server)
    timer.join()
    locked.close()
    assert done.returncode == 0, done.stderr
    check_whole(folder, json.loads(done.stdout))
    tell("MLflow's database is locked", "25 s", "retried, then ended well")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    need(os.geteuid() == 0, "needs root, to mount a small file system")
    folder = tmp_path / "full"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    need(done.returncode == 0, f"needs to mount a small file system ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_an_artifact_store_that_is_full(server: Server, tmp_path: Path, small_disk: Path, tell: Tell) -> None:
    """Retried, then one clear sentence; no version is without its artifact, and with room again the run ends."""
    folder = impatient(make_project(tmp_path / "project"))
    path = folder / ".pulse" / settings.FILE
    path.write_text(f'artifacts = "{small_disk}"\n{path.read_text()}')
    failed = run(folder, server)
    assert failed.returncode == 1
    assert json.loads(failed.stdout)["error"]["code"] == "tracking.unavailable", failed.stdout
    assert "No space left" in failed.stdout
    workspace = settings.load(folder, environ={})
    assert versions(workspace) == []
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    again = run(folder, server)
    assert again.returncode == 0, again.stderr
    check_whole(folder, json.loads(again.stdout))
    tell("MLflow's artifact store is full", "until it has room", "retried, told; the next run ends it")


def small(tmp_path: Path, protocol: str = PROTOCOL) -> Workspace:
    """A tiny project's workspace."""
    return settings.load(make_project(tmp_path / "project", protocol), environ={})


def test_a_champion_that_has_vanished_from_the_registry(tmp_path: Path, tell: Tell) -> None:
    """The ledger and the bundle are what counts: a challenger is judged, registered and promoted as ever."""
    from mlflow import MlflowClient

    workspace = small(tmp_path)
    first = six_stages.run(workspace)
    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    client.delete_registered_model("tiny")
    path = Path(workspace.root) / "protocols" / "tiny.yaml"
    path.write_text(PROTOCOL.replace("rounds: 20", "rounds: 60"))
    second = six_stages.run(workspace)
    assert second.model.champion == first.model.model
    assert [str(one.version) for one in versions(workspace)] == [second.stored.version]
    if second.deployed.promoted:
        assert str(client.get_model_version_by_alias("tiny", "champion").version) == second.stored.version
    tell(
        "the champion has vanished from the registry",
        "1 time",
        "the ledger decides; the next model is registered",
    )


@pytest.mark.parametrize("promotions", [1, 2])
def test_a_challenger_that_loses_to_a_champion_without_a_version(
    tmp_path: Path, tell: Tell, promotions: int
) -> None:
    """MLflow counts versions from 1 again: the alias never names the loser, and the run ends and says so."""
    from mlflow import MlflowClient

    workspace = small(tmp_path, PROTOCOL.replace("rounds: 20", "rounds: 40"))
    champion = six_stages.run(workspace).model.model
    path = Path(workspace.root) / "protocols" / "tiny.yaml"
    if promotions == 2:
        path.write_text(
            PROTOCOL.replace("rounds: 20", "rounds: 80").replace("champion_by: 0.01", "champion_by: 1")
        )
        champion = six_stages.run(workspace).model.model
    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    client.delete_registered_model("tiny")
    path.write_text(PROTOCOL.replace("rounds: 20", "rounds: 2"))
    for _ in range(2):
        loser = six_stages.run(workspace)
        assert (loser.deployed.promoted, loser.deployed.champion) == (False, champion)
        assert f"no version of {champion}" in loser.deployed.reason
        assert not client.get_registered_model("tiny").aliases
    tell(
        "a challenger loses to a champion that is gone from the registry",
        "2 times",
        "no alias, and the run says so",
    )


def test_a_champion_whose_bundle_is_gone(tmp_path: Path, tell: Tell) -> None:
    """It cannot be compared with: one sentence names the file, and nothing is promoted."""
    workspace = small(tmp_path)
    first = six_stages.run(workspace)
    Path(workspace.store, first.stored.bundle).unlink()
    with pytest.raises(PulseError) as error:
        six_stages.run(workspace)
    assert first.stored.bundle in error.value.message
    with open_ledger(workspace.ledger) as ledger:
        assert [one.model for one in ledger.promotions("tiny")] == [first.model.model]
    tell("the champion's bundle is gone", "1 time", "one sentence that names it")


def test_a_held_out_part_with_one_class(tmp_path: Path, tell: Tell) -> None:
    """The last fifth of the days has no late parcel: no metric would mean anything, and the run says so."""
    workspace = small(tmp_path)
    with sqlite3.connect(workspace.datasources["parcels"].url.removeprefix("sqlite:///")) as database:
        database.execute("update parcels set late = 0 where sent >= '2026-02-10'")
    database.close()
    with pytest.raises(PulseError) as error:
        six_stages.run(workspace)
    assert error.value.code == "training.held_out"
    assert "the same late" in error.value.message
    assert versions(workspace) == []
    tell("a held-out part with one class", "1 time", "one sentence, no version")


def test_a_gate_metric_that_is_not_a_number(tmp_path: Path, tell: Tell) -> None:
    """A single held-out row has no r2: one sentence says so, and how many rows there were; nothing is registered."""
    protocol = PROTOCOL.replace("binary-classification", "regression")
    protocol = protocol.replace("  weight: {type: float, ge: 0, le: 50, unit: kg}\n", "")
    protocol = protocol.replace("{name: late, type: bool}", "{name: weight, type: float}")
    protocol = f"""{protocol.partition("  split:")[0]}\
  split: {{by: column, column: parcel, value: p002999}}
  metrics: [r2]
  gates:
    - {{metric: r2, at_least: -1}}
"""
    workspace = small(tmp_path, protocol)
    with pytest.raises(PulseError, match="r2 is nan on the 1 held-out rows"):
        six_stages.run(workspace)
    assert versions(workspace) == []
    with open_ledger(workspace.ledger) as ledger:
        assert ledger.champion("tiny") is None
    tell("a gate metric that is not a number", "1 time", "one sentence, no version")
