"""Several workspaces of one project side by side, through the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.cli.main import run
from pulse_blocks.errors import PulseError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder that this process's commands work in, and no other setting."""
    for key in (*settings.KEYS, "workspace", "signing_key"):
        # Set first, so that what a command itself sets is taken back at the end.
        monkeypatch.setenv(f"PULSE_{key.upper()}", "")
        monkeypatch.delenv(f"PULSE_{key.upper()}")
    monkeypatch.setenv("PULSE_ROOT", str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """What a command prints as JSON."""
    capsys.readouterr()
    code = run([*arguments, "--json"])
    out = json.loads(capsys.readouterr().out)
    assert code == (1 if "error" in out else 0)
    return out


def test_workspaces_share_nothing_but_datasources(root: Path) -> None:
    """Each has places, a signing key and a folder of its own; a project without tables is as it always was."""
    alone = settings.load(root, environ={})
    assert run(["datasource", "add", "parcels", str(root / "parcels.csv")]) == 0
    assert run(["workspace", "create", "dev"]) == 0
    assert run(["workspace", "create", "prod"]) == 0
    found = [settings.load(root, environ={}, name=name) for name in ("default", "dev", "prod")]
    assert found[0].store == alone.store
    assert found[0].folder == root / ".pulse"
    for key in ("folder", "store", "ledger", "tracking", "artifacts"):
        assert len({getattr(one, key) for one in found}) == 3, key
    assert len({signing_key(one, create=True) for one in found}) == 3
    assert {tuple(one.datasources) for one in found} == {("parcels",)}


def test_the_option_wins_over_the_environment_and_that_over_the_file(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One order of precedence, and `list` says what has decided."""
    for name in ("dev", "staging", "prod"):
        told(capsys, "workspace", "create", name)
    assert told(capsys, "workspace", "show")["name"] == "default"
    assert told(capsys, "workspace", "use", "dev")["in_use"] == "dev"
    assert told(capsys, "status")["workspace"] == "dev"
    monkeypatch.setenv("PULSE_WORKSPACE", "staging")
    assert told(capsys, "status")["workspace"] == "staging"
    # The environment still decides, and the answer says so.
    assert told(capsys, "workspace", "use", "default")["in_use"] == "staging"
    assert told(capsys, "status", "--workspace", "prod")["workspace"] == "prod"
    assert told(capsys, "--workspace", "prod", "status")["workspace"] == "prod"
    # The option was that command's alone.
    for option, name in (((), "staging"), (("--workspace", "prod"), "prod")):
        used = [one["name"] for one in told(capsys, "workspace", "list", *option) if one["in_use"]]
        assert used == [name]


def test_show_says_where_each_value_comes_from(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable of one environment that is still set in another is seen; secrets are not."""
    told(capsys, "workspace", "create", "prod", "--store", "s3://bucket/prod")
    monkeypatch.setenv("PULSE_LEDGER", "postgresql://pulse:hunter2@dev/pulse")
    shown = told(capsys, "workspace", "show", "prod")["values"]
    assert shown["store"] == {"value": "s3://bucket/prod", "from": "file: [workspaces.prod]"}
    assert shown["ledger"]["from"] == "environment: PULSE_LEDGER"
    assert "hunter2" not in json.dumps(shown)
    assert shown["artifacts"]["from"] == "default"


def test_a_datasource_of_one_workspace_is_its_own(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It stands beside those that all share, and no other workspace sees it."""
    told(capsys, "workspace", "create", "prod")
    told(capsys, "datasource", "add", "parcels", "shared.csv")
    told(capsys, "datasource", "add", "clicks", "clicks.csv", "--workspace", "prod")
    assert set(settings.load(root, {}, "prod").datasources) == {"clicks", "parcels"}
    assert set(settings.load(root, {}).datasources) == {"parcels"}
    told(capsys, "datasource", "remove", "clicks", "--workspace", "prod")
    assert set(settings.load(root, {}, "prod").datasources) == {"parcels"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--workspace", "nowhere", "status"], "workspace.unknown"),
        (["workspace", "create", "Prod"], "workspace.name"),
        (["workspace", "create", "../prod"], "workspace.name"),
        (["workspace", "create", "default"], "workspace.exists"),
        (["workspace", "create", "prod"], "workspace.exists"),
        (["workspace", "create", "dev", "--ledger", "postgresql://a:b@c/d"], "workspace.secret"),
    ],
)
def test_what_cannot_be_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: str
) -> None:
    """A name that is none or nobody's starts no workspace of its own; nothing is written."""
    told(capsys, "workspace", "create", "prod")
    before = (root / ".pulse" / settings.FILE).read_text()
    assert told(capsys, *arguments)["error"]["code"] == code
    assert (root / ".pulse" / settings.FILE).read_text() == before
    assert not (root / ".pulse" / "workspaces").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('current = "nowhere"', "nowhere"),
        ("[workspaces]\nprod = 3", "tables"),
        ("[workspaces.default]", "default"),
        ('name = "prod"\n[workspaces.prod]', "prod"),
        ('[workspaces.prod]\nstroe = "x"', "stroe"),
        ('[workspaces.prod]\nroot = "/"', "root"),
        ("[workspaces.prod]\ndatasources = 3", "datasources"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(root: Path, text: str, reason: str) -> None:
    """One clear error that names the file and the place."""
    (root / ".pulse").mkdir()
    (root / ".pulse" / settings.FILE).write_text(text)
    with pytest.raises(PulseError, match=reason) as caught:
        settings.load(root, {"PULSE_WORKSPACE": "prod"} if "[workspaces.prod]" in text else {})
    assert caught.value.code == "workspace.invalid"


def test_a_container_needs_no_file(root: Path) -> None:
    """Where store and ledger come from the environment a workspace is described, whatever the image holds."""
    said = {"PULSE_WORKSPACE": "prod", "PULSE_STORE": "s3://b/p", "PULSE_LEDGER": "postgresql://h/p"}
    assert settings.load(root, said).name == "prod"
    with pytest.raises(PulseError, match="no workspace prod"):
        settings.load(root, {"PULSE_WORKSPACE": "prod"})
