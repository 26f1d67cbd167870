"""A run of the tiny project as a process that may be killed, and what must hold once it has been run again."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from pulse_blocks import settings
from pulse_blocks.ledger import open_ledger
from pulse_blocks.snapshots.reading import all_snapshots
from pulse_blocks.snapshots.verify import verify
from pulse_blocks.stores import open_store
from tests.prefect_server import Server
from tests.tiny_project import environment


def run(
    folder: Path, server: Server, name: str = "tiny", timeout: float = 240, **env: str
) -> subprocess.CompletedProcess[str]:
    """``pulse run NAME --json`` as a process."""
    return subprocess.run(
        [sys.executable, "-m", "pulse_blocks", "run", name, "--json"],
        cwd=folder,
        env=environment(folder, **server.env, **env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def descendants(pid: int) -> list[int]:
    """The processes below a process, whichever of its threads has started them."""
    own: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            own += [int(one) for one in thread.read_text().split()]
    return own + [far for child in own for far in descendants(child)]


def training_processes(pid: int) -> list[int]:
    """The training processes below a process."""
    found = []
    for one in descendants(pid):
        with contextlib.suppress(OSError):
            if b"training.process.child" in Path(f"/proc/{one}/cmdline").read_bytes():
                found.append(one)
    return found


def check_whole(folder: Path, summary: dict[str, Any], name: str = "tiny") -> None:
    """One of each, belonging to each other, with nothing damaged."""
    from mlflow import MlflowClient

    workspace = settings.load(folder, environ={})
    store = open_store(workspace.store)
    snapshots = list(all_snapshots(store))
    assert [snapshot.id for snapshot in snapshots] == [summary["snapshot"]]
    assert verify(store, snapshots[0]).ok
    with open_ledger(workspace.ledger) as ledger:
        assert [promotion.model for promotion in ledger.promotions(name)] == [summary["model"]]
    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    versions = client.search_model_versions(f"name='{name}'")
    assert len(versions) == 1
    assert client.get_model_version_by_alias(name, "champion").version == versions[0].version
    experiment = client.get_experiment_by_name(name)
    assert len(client.search_runs([experiment.experiment_id])) == 1
