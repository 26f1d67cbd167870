"""A project of several workspaces, and what its tests ask of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pulse_blocks import promotion, settings
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.promotion import Transfer
from pulse_blocks.settings import Workspace
from tests.tiny_project import pulse

# MLflow is the slow part: where a test is not about it, both workspaces have the same one.
FILE = """
[datasources.parcels]
url = "sqlite:///.pulse/parcels.db"
[workspaces.dev]
[workspaces.staging]
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.prod]
[workspaces.shared]
store = ".pulse/workspaces/dev/store"
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.near]
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.same]
ledger = "sqlite:///.pulse/workspaces/dev/ledger.db"
"""


def move(root: Path, to: str, data: Literal["copy", "reference"] = "copy", source: str = "dev") -> Transfer:
    """Dev's champion to another workspace, in this process."""
    here, there = (settings.load(root, {}, name) for name in (source, to))
    return promotion.transfer(here, there, "tiny", None, data=data, reason="it is good", who="ann@desk")


def champions(workspace: Workspace) -> list[str]:
    """The models of all promotions, the oldest first."""
    try:
        with open_ledger(workspace.ledger) as ledger:
            return [one.model for one in ledger.promotions("tiny")]
    except PulseError as error:
        assert error.code == "ledger.missing"  # noqa: PT017
        return []


def told(root: Path, *arguments: str, **env: str) -> Any:
    """What a `pulse` process prints as JSON."""
    done = pulse(root, *arguments, "--json", **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def versions(workspace: Workspace) -> list[tuple[str, str]]:
    """Of MLflow's versions: the model, and where it was trained; the champion's alias is on the last."""
    from mlflow import MlflowClient

    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    found = client.search_model_versions("name='tiny'")
    assert client.get_model_version_by_alias("tiny", "champion").version == found[0].version
    runs = [client.get_run(one.run_id) for one in found]
    return [
        (one.tags["pulse.model"], run.data.tags["pulse.trained_in"])
        for one, run in zip(found, runs, strict=True)
    ]
