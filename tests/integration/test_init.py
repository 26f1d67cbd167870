"""``pulse init`` from the wheel alone: a project that works as it stands."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pulse_blocks.cli.ports import free_port
from pulse_blocks.cli.scaffold import project_files
from pulse_blocks.cli.services import Service
from tests.interpreters import interpreter
from tests.required import need
from tests.tiny_project import RECORD, ROOT, pulse, write_parcels

QUERY = ("--query", "select * from parcels")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


class Installed:
    """An environment that has the wheel and not the checkout."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self._pulse = folder / "bin" / "pulse"

    @classmethod
    def beside(cls, folder: Path, wheel: Path) -> Installed:
        """Other packages come from the environment of the tests."""
        venv = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
        subprocess.run(venv, check=True, capture_output=True)
        site = next((folder / "lib").glob("python*")) / "site-packages"
        install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)]
        prefix = ["--prefix", str(folder), "--ignore-installed"]
        subprocess.run([*install, *prefix], check=True, capture_output=True)
        # Packages only: the checkout's own .pth file in that folder is not read.
        (site / "packages.pth").write_text(sysconfig.get_paths()["purelib"])
        return cls(folder)

    @classmethod
    def alone(cls, folder: Path, wheel: Path, python: Path) -> Installed:
        """An environment of another Python, empty but for the wheel and what it asks for, at the pinned versions."""
        uv = [sys.executable, "-m", "uv"]
        inside = ["--python", str(folder / "bin" / "python"), "-c", str(ROOT / "requirements" / "dev.txt")]
        subprocess.run([*uv, "venv", "-q", "--python", str(python), str(folder)], check=True)
        subprocess.run([*uv, "pip", "install", "-q", *inside, str(wheel), "pytest"], check=True)
        return cls(folder)

    def env(self, home: Path) -> dict[str, str]:
        """An environment that knows neither checkout nor project."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PULSE_", "PREFECT_"))
        }
        return {**kept, "HOME": str(home), "NO_COLOR": "1", "DO_NOT_TRACK": "1"}

    def run(self, folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the wheel's ``pulse`` in a folder."""
        done = subprocess.run(
            [str(self._pulse), *arguments],
            cwd=folder,
            env=self.env(folder),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr
        return done


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own."""
    return Installed.beside(tmp_path_factory.mktemp("venv"), wheel)


def test_the_wheel_carries_the_flows_of_the_checkout(wheel: Path) -> None:
    """The flows have one source: what a project gets is what is tested here, and nothing but it."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {
            Path(name).name: archive.read(name)
            for name in archive.namelist()
            if name.startswith("pulse_blocks/templates/flows/")
        }
        names = archive.namelist()
    assert packed == {path.name: path.read_bytes() for path in (ROOT / "flows").glob("*.py")}
    assert not [name for name in names if name.startswith(("flows/", "tests/")) or "__pycache__" in name]


def test_from_a_csv_file_to_a_traced_prediction(installed: Installed, tmp_path: Path) -> None:
    """The installed wheel and a CSV file are enough."""
    from_csv_to_trace(installed, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_every_python_goes_all_the_way(wheel: Path, tmp_path: Path, version: str) -> None:
    """The oldest and the newest Python that Pulse is for, each in an environment that has the wheel alone."""
    python = interpreter(version)
    need(python, f"needs a Python {version}, on the PATH or of pyenv")
    assert python is not None
    from_csv_to_trace(Installed.alone(tmp_path / "venv", wheel, python), tmp_path)


def from_csv_to_trace(installed: Installed, folder: Path) -> None:
    """Init, draft, check, deploy, the project's own tests, run, serve, predict, lineage, audit."""
    write_csv(folder / "parcels.csv")
    made = installed.run(folder, "init", "shop", "--datasource", "parcels.csv", "--json")
    assert json.loads(made.stdout)["datasource"] == "parcels"
    project = folder / "shop"
    where = [str(installed.python), "-c", "import pulse_blocks; print(pulse_blocks.__file__)"]
    found = subprocess.run(where, cwd=project, capture_output=True, text=True, check=True)
    assert str(ROOT / "pulse_blocks") not in found.stdout
    drafted = installed.run(project, "protocol", "draft", "--name", "tiny", "--datasource", "parcels", *QUERY)
    (project / "protocols" / "tiny.yaml").write_text(drafted.stdout)
    installed.run(project, "check")
    installed.run(project, "deploy")
    tests = [str(installed.python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    env = installed.env(project)
    subprocess.run(tests, cwd=project, check=True, env=env, capture_output=True, text=True)
    summary = json.loads(installed.run(project, "run", "tiny", "--json").stdout)
    assert summary["promoted"]
    with serving(installed, project) as url:
        asked = installed.run(project, "predict", "tiny", json.dumps(RECORD), "--url", url, "--json")
    told = installed.run(project, "lineage", json.loads(asked.stdout)["inference_id"])
    assert f"├── Model: {summary['model']}" in told.stdout
    assert "Datasource: parcels" in told.stdout
    assert installed.run(project, "audit", "verify").stdout.startswith("Everything holds: ")


@pytest.mark.parametrize("kind", ["parquet", "sqlite", "postgresql"])
def test_every_kind_of_datasource_leads_to_a_snapshot(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """Init, the draft as it stands, and the rows are read by it: whatever the project begins with."""
    write_parcels(tmp_path / "parcels.db")
    url = "sqlite:///parcels.db"
    if kind == "parquet":
        url = parquet_of(tmp_path / "parcels.db")
    elif kind == "postgresql":
        url = postgres_of(tmp_path / "parcels.db", request.getfixturevalue("postgres_server").new_database())
    done = pulse(tmp_path, "init", "shop", "--datasource", url, "--json")
    assert done.returncode == 0, done.stderr
    project, source = tmp_path / "shop", json.loads(done.stdout)["datasource"]
    drafted = pulse(project, "protocol", "draft", "--name", "tiny", "--datasource", source, *QUERY)
    assert drafted.returncode == 0, drafted.stderr
    (project / "protocols" / "tiny.yaml").write_text(drafted.stdout)
    taken = pulse(project, "snapshot", "create", "tiny", "--json")
    assert taken.returncode == 0, taken.stderr
    assert json.loads(taken.stdout)["rows"] == 3000


def parquet_of(database: Path) -> str:
    """The parcels as a Parquet file beside the database; its path."""
    import polars as pl

    with sqlite3.connect(database) as db:
        pl.read_database("select * from parcels", db).write_parquet(database.with_suffix(".parquet"))
    db.close()
    return "parcels.parquet"


def postgres_of(database: Path, url: str) -> str:
    """The parcels in a PostgreSQL database; its URL again."""
    import psycopg

    with sqlite3.connect(database) as db, psycopg.connect(url) as server:
        server.execute(
            "create table parcels (parcel text primary key, sent timestamp, weight double precision,"
            " distance double precision, carrier text, express boolean, late boolean)"
        )
        with server.cursor().copy("copy parcels from stdin") as copy:
            for *facts, express, late in db.execute("select * from parcels"):
                copy.write_row([*facts, bool(express), bool(late)])
    db.close()
    return url


@contextmanager
def serving(installed: Installed, project: Path) -> Iterator[str]:
    """The wheel's runtime for the project, until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    runtime = Service(
        "The runtime",
        [str(installed.python), "-m", "pulse_blocks", "serve", "tiny", "--port", str(port)],
        log=project / ".pulse" / "runtime.log",
        env={"PULSE_ROOT": str(project)},
        url=url,
        ready=f"{url}/readyz",
    )
    try:
        runtime.wait_ready(60)
        yield url
    finally:
        runtime.stop()


def write_csv(path: Path) -> None:
    """The parcels as a CSV file with a header."""
    database = path.with_suffix(".db")
    write_parcels(database)
    with sqlite3.connect(database) as db, path.open("w", newline="") as file:
        rows = db.execute("select * from parcels")
        writer = csv.writer(file)
        writer.writerow([column[0] for column in rows.description])
        writer.writerows(rows)
    db.close()


def test_a_checkout_makes_the_same_project() -> None:
    """Every file is text with the project's name in it, and the flows are the checkout's own."""
    made = project_files("shop")
    for path in (ROOT / "flows").glob("*.py"):
        assert made[f"flows/{path.name}"] == path.read_text()
    assert {
        "README.md",
        "prefect.toml",
        "prefect.yaml",
        ".gitignore",
        "tests/test_protocols.py",
        "deployments/README.md",
    } <= set(made)
    assert "name: shop" in made["prefect.yaml"]
    assert not [name for name, text in made.items() if "PROJECT" in text]


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Nothing in it is touched; an empty one is taken."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    done = pulse(tmp_path, "init", "full")
    assert done.returncode == 1
    assert "mine.txt" in done.stderr
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert pulse(tmp_path, "init", "empty").returncode == 0
    assert (tmp_path / "empty" / "prefect.yaml").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["shop", "--datasource", "nothing.csv"],
        ["shop", "--datasource", "postgresql://me:secret@host/db"],
        ["shop", "--datasource", "notes.txt"],
        ["shop", "--datasource", "sqlite:///nothing.db"],
        ["shop", "--datasource", ""],
        ["a shop"],
        ["-shop"],
        ["shop/.."],
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path: Path, arguments: list[str]) -> None:
    """A datasource that cannot be opened, a secret in the clear, a name that is none."""
    done = pulse(tmp_path, "init", *arguments)
    assert done.returncode in (1, 2)
    assert "rror: " in done.stderr
    assert "secret" not in done.stderr.replace("carries a secret", "")
    assert list(tmp_path.iterdir()) == []
