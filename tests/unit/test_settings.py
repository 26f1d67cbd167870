"""The workspace: defaults, file, environment, and what is wrong with either."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.errors import PulseError


def write(root: Path, text: str) -> Path:
    """The workspace file of a project."""
    path = root / ".pulse" / "workspace.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_configuration_all_is_below_the_project(tmp_path: Path) -> None:
    """The embedded default needs no file, and loading it creates nothing."""
    found = settings.load(tmp_path, environ={})
    assert found.store == str(tmp_path / ".pulse/store")
    assert found.ledger == f"sqlite:///{tmp_path}/.pulse/ledger.db"
    assert found.tracking == f"sqlite:///{tmp_path}/.pulse/mlflow.db"
    assert found.datasources == {}
    assert list(tmp_path.iterdir()) == []


def test_the_file_wins_over_the_default_and_the_environment_over_the_file(tmp_path: Path) -> None:
    """One order of precedence, for every key."""
    write(tmp_path, 'name = "file"\nstore = "s3://bucket/file"\nartifacts = "/file"\n')
    environ = {"PULSE_STORE": "s3://bucket/environment", "PULSE_TRACKING": "http://tracking:5000"}
    found = settings.load(tmp_path, environ=environ)
    assert found.name == "file"
    assert found.store == "s3://bucket/environment"
    assert found.tracking == "http://tracking:5000"
    assert found.artifacts == "/file"
    assert found.ledger == f"sqlite:///{tmp_path}/.pulse/ledger.db"


def test_relative_paths_are_below_the_root_and_other_urls_stay(tmp_path: Path) -> None:
    """A path means the same wherever the command is called from; a URL is nobody's path."""
    write(
        tmp_path,
        'store = "data/store"\nledger = "postgresql://host/db"\n'
        '[datasources]\na = {url = "sqlite:///a.db"}\nb = {url = "sqlite:////abs/b.db"}\n'
        'c = {url = "s3://bucket/c.parquet"}\nd = {url = "files/d.parquet"}\n',
    )
    found = settings.load(tmp_path, environ={})
    assert found.store == str(tmp_path / "data/store")
    assert found.ledger == "postgresql://host/db"
    assert {name: source.url for name, source in found.datasources.items()} == {
        "a": f"sqlite:///{tmp_path}/a.db",
        "b": "sqlite:////abs/b.db",
        "c": "s3://bucket/c.parquet",
        "d": str(tmp_path / "files/d.parquet"),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name = ", "not valid TOML"),
        ('stroe = "x"', "stroe"),
        ("store = 3", "store"),
        ('[datasources]\nflights = "sqlite:///x"', "datasources"),
        ('[datasources.flights]\nurl = "x"\npassword = "y"', "password"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """Bad TOML, an unknown key, a wrong type: one clear error that names the file and the place."""
    path = write(tmp_path, text)
    with pytest.raises(PulseError) as caught:
        settings.load(tmp_path, environ={})
    assert caught.value.code == "workspace.invalid"
    assert str(path) in caught.value.message
    assert told in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 must not end in a traceback."""
    write(tmp_path, "").write_bytes(b"name = '\xff\xfe'")
    with pytest.raises(PulseError, match="not valid TOML"):
        settings.load(tmp_path, environ={})


def test_the_root_is_the_nearest_project_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands work from any folder of a project; PULSE_ROOT wins over all."""
    monkeypatch.delenv("PULSE_ROOT", raising=False)
    deep = tmp_path / "project" / "notebooks" / "old"
    deep.mkdir(parents=True)
    (tmp_path / "project" / "protocols").mkdir()
    assert settings.find_root(deep) == tmp_path / "project"
    (deep.parent / ".pulse").mkdir()
    assert settings.find_root(deep) == deep.parent
    monkeypatch.setenv("PULSE_ROOT", str(tmp_path))
    assert settings.find_root(deep) == tmp_path


def test_loading_does_not_resolve_references(tmp_path: Path) -> None:
    """What is loaded may be printed and logged: secrets must not be in it."""
    write(tmp_path, '[datasources.facts]\nurl = "postgresql://u:${DB_PASSWORD}@h/d"\n')
    found = settings.load(tmp_path, environ={"DB_PASSWORD": "hunter2"})
    assert found.datasources["facts"].url == "postgresql://u:${DB_PASSWORD}@h/d"


def test_durability_is_full_or_process(tmp_path: Path) -> None:
    """Full unless somebody asks for less; anything else is refused."""
    assert settings.load(tmp_path, {}).durability == "full"
    assert settings.load(tmp_path, {"PULSE_DURABILITY": "process"}).durability == "process"
    with pytest.raises(PulseError, match="durability"):
        settings.load(tmp_path, {"PULSE_DURABILITY": "none"})
