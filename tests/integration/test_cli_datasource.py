"""``pulse datasource``: entered, listed, tested, removed; and no secret ever in a file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tiny_project import pulse

FILE = Path(".pulse") / "workspace.toml"


def listed(folder: Path) -> dict[str, str]:
    """What ``pulse datasource list --json`` gives, by name."""
    return {
        row["name"]: row["url"] for row in json.loads(pulse(folder, "datasource", "list", "--json").stdout)
    }


def add(folder: Path, name: str, url: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Enter a datasource."""
    return pulse(folder, "datasource", "add", name, url, **env)


def test_a_datasource_is_added_listed_and_removed(tmp_path: Path) -> None:
    """The way there and back, with comments and other keys of the file left as they are."""
    (tmp_path / ".pulse").mkdir()
    (tmp_path / FILE).write_text('# ours\nname = "shop"  # the shop\n')
    assert add(tmp_path, "orders", "sqlite:///data/orders.db").returncode == 0
    assert add(tmp_path, "clicks", "postgresql://pulse:${DB_PASSWORD}@db/clicks").returncode == 0
    assert listed(tmp_path) == {
        "orders": f"sqlite:///{tmp_path}/data/orders.db",
        "clicks": "postgresql://pulse:${DB_PASSWORD}@db/clicks",
    }
    text = (tmp_path / FILE).read_text()
    assert text.startswith('# ours\nname = "shop"  # the shop\n')
    assert 'url = "sqlite:///data/orders.db"' in text
    assert pulse(tmp_path, "datasource", "remove", "orders").returncode == 0
    assert list(listed(tmp_path)) == ["clicks"]
    assert pulse(tmp_path, "datasource", "remove", "clicks").returncode == 0
    assert (tmp_path / FILE).read_text().startswith('# ours\nname = "shop"  # the shop\n')
    assert "No datasources" in pulse(tmp_path, "datasource", "list").stdout


def test_adding_twice_changes_nothing_and_another_url_is_refused(tmp_path: Path) -> None:
    """A name never silently changes its meaning."""
    assert add(tmp_path, "orders", "sqlite:///a.db").returncode == 0
    again = add(tmp_path, "orders", "sqlite:///a.db")
    assert again.returncode == 0
    assert "was there already" in again.stdout
    other = add(tmp_path, "orders", "sqlite:///b.db")
    assert other.returncode == 1
    assert "pulse datasource remove orders" in other.stderr
    assert listed(tmp_path) == {"orders": f"sqlite:///{tmp_path}/a.db"}


@pytest.mark.parametrize("name", ["Flights", "../flights", "a b", "a.b", "1a", "a" * 64, "a--b", "a\n"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """Names become paths, ids and keys: what does not fit is refused before anything is written."""
    done = add(tmp_path, name, "sqlite:///a.db")
    assert done.returncode == 1
    assert "no name for a datasource" in done.stderr
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "url", ["postgresql://pulse@db/facts?sslpassword=hunter2", "https://host/d.csv?token=hunter2"]
)
def test_a_secret_is_refused_and_never_shown(tmp_path: Path, url: str) -> None:
    """The hint says how to keep it out of the file; the secret is in no file and no output."""
    done = add(tmp_path, "facts", url)
    assert done.returncode == 1
    assert "${FACTS_PASSWORD}" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert not (tmp_path / FILE).exists()


def test_a_secret_that_somebody_wrote_into_the_file_is_not_listed(tmp_path: Path) -> None:
    """A list is shown on screens and in logs."""
    (tmp_path / ".pulse").mkdir()
    (tmp_path / FILE).write_text('[datasources.facts]\nurl = "postgresql://pulse:hunter2@db/facts"\n')
    done = pulse(tmp_path, "datasource", "list")
    assert "postgresql://pulse:***@db/facts" in done.stdout
    assert "hunter2" not in done.stdout


def test_a_relative_path_means_the_file_where_the_user_stands(tmp_path: Path) -> None:
    """From a folder within the project, and from outside of it the path is absolute."""
    (tmp_path / "project" / "protocols").mkdir(parents=True)
    deep = tmp_path / "project" / "data"
    deep.mkdir()
    pulse(deep, "datasource", "add", "a", "sqlite:///a.db", PULSE_ROOT=str(tmp_path / "project"))
    pulse(deep, "datasource", "add", "b", "../../b.parquet", PULSE_ROOT=str(tmp_path / "project"))
    text = (tmp_path / "project" / FILE).read_text()
    assert 'url = "sqlite:///data/a.db"' in text
    assert f'url = "{tmp_path}/b.parquet"' in text


def test_a_datasource_is_tested_by_opening_it(tmp_path: Path) -> None:
    """A table that can be read is told; a file that is not there is refused, and not created."""
    with sqlite3.connect(tmp_path / "orders.db") as db:
        db.execute("create table orders (id integer)")
    db.close()
    add(tmp_path, "orders", "sqlite:///orders.db")
    add(tmp_path, "gone", "sqlite:///gone.db")
    good = pulse(tmp_path, "datasource", "test", "orders")
    assert good.returncode == 0
    assert good.stdout.startswith("orders: ")
    bad = pulse(tmp_path, "datasource", "test", "gone")
    assert bad.returncode == 1
    assert "gone.db" in bad.stderr
    assert not (tmp_path / "gone.db").exists()


@pytest.mark.parametrize("command", ["test", "remove"])
def test_an_unknown_datasource_is_refused_with_the_nearest_name(tmp_path: Path, command: str) -> None:
    """A typo is answered with the name that was meant."""
    add(tmp_path, "flights", "sqlite:///a.db")
    done = pulse(tmp_path, "datasource", command, "flihgts")
    assert done.returncode == 1
    assert "flights" in done.stderr


def test_datasources_added_at_once_are_all_there(tmp_path: Path) -> None:
    """Commands that edit the file at the same time must not lose each other's entries."""
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda at: add(tmp_path, f"d{at}", f"sqlite:///{at}.db").returncode, range(6)))
    assert codes == [0] * 6
    assert sorted(listed(tmp_path)) == [f"d{at}" for at in range(6)]


def test_a_workspace_file_that_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    """A broken file is named, and left as it is."""
    (tmp_path / ".pulse").mkdir()
    (tmp_path / FILE).write_text("name = \n")
    done = add(tmp_path, "orders", "sqlite:///a.db")
    assert done.returncode == 1
    assert "not valid TOML" in done.stderr
    assert (tmp_path / FILE).read_text() == "name = \n"
