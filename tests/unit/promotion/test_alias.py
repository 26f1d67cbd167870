"""MLflow's alias follows the ledger's pointer, as far as MLflow can be reached."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pulse_blocks.cli.main import run
from pulse_blocks.ledger import open_ledger
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking import Tracking
from tests.promoted_models import champions


@pytest.fixture
def here(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The workspace that commands of this test find."""
    monkeypatch.setenv("PULSE_ROOT", workspace.root)
    return workspace


def test_the_alias_follows(here: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """After a promotion and after a rollback it names the version of the new champion."""
    client = Tracking(here)._client
    client.create_registered_model("parcels")
    first, second = champions(here, 2)
    for one in (first, second):
        tags = {"pulse.model": one.model}
        client.create_model_version("parcels", source="s3://models/m", tags=tags, await_creation_for=0)
    assert run(["rollback", "parcels", "--reason", "it lies", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["model"], told["previous"], told["alias_lags"]) == (first.model, second.model, None)
    assert str(client.get_model_version_by_alias("parcels", "champion").version) == "1"
    assert run(["promote", "parcels", second.model]) == 0
    assert str(client.get_model_version_by_alias("parcels", "champion").version) == "2"
    with open_ledger(here.ledger) as ledger:
        assert [(one.reason, "@" in one.who) for one in ledger.promotions("parcels")[2:]] == [
            ("it lies", True),
            ("by hand", True),
        ]


def test_a_version_that_is_gone_is_told(here: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """MLflow gives its number to another model: the alias does not go there."""
    client = Tracking(here)._client
    client.create_registered_model("parcels")
    first, second = champions(here, 2)
    tags = {"pulse.model": second.model}
    assert (
        str(client.create_model_version("parcels", source="s3://models/m", tags=tags).version)
        == first.version
    )
    assert run(["rollback", "parcels"]) == 0
    assert f"no version of {first.model}" in capsys.readouterr().err
    assert not client.get_registered_model("parcels").aliases


def test_an_mlflow_out_of_reach_undoes_nothing(
    here: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pointer has moved, the command ends with 0, and says that the alias lags."""
    monkeypatch.setenv("PULSE_TRACKING", "sqlite:////dev/null/mlflow.db")
    first, _ = champions(here, 2)
    assert run(["rollback", "parcels"]) == 0
    told = capsys.readouterr()
    assert f"{first.model} is champion of parcels" in told.out
    assert "alias" in told.err
    with open_ledger(here.ledger) as ledger:
        champion = ledger.champion("parcels")
    assert champion is not None
    assert champion.model == first.model


def test_moving_nothing_loads_no_sdk(here: Workspace) -> None:
    """A refusal comes before MLflow is loaded: it must not take seconds."""
    champions(here, 1)
    code = (
        "import sys\nfrom pulse_blocks.cli.main import run\n"
        "assert run(['rollback', 'parcels']) == 1\nassert 'mlflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(here.root), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no champion before" in done.stderr
