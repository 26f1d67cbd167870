"""Fixtures that every kind of test may ask for."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.settings import Workspace, sqlite_path
from tests import scheduling
from tests.ceph_server import S3Server, running_s3
from tests.postgres_server import PostgresServer, running_postgres
from tests.prefect_server import Server, running_server
from tests.tiny_project import make_project

# Two threads of a fit beside another process on two cores wait for each other most of the time; they should not do so
# spinning. OpenMP reads this once, when it is loaded, here and in the processes that tests start.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# How long an example takes says nothing where two processes share two cores.
hypothesis.settings.register_profile("pulse", deadline=None)
hypothesis.settings.load_profile("pulse")


def pytest_configure(config: pytest.Config) -> None:
    """Keep together in one process what shares a server."""
    scheduling.register(config)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An embedded workspace in an empty folder of its own."""
    return settings.load(tmp_path, environ={})


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server with an empty database."""
    with running_server(tmp_path_factory.mktemp("prefect")) as found:
        yield found


@pytest.fixture(scope="session")
def api(server: Server) -> Iterator[Server]:
    """The server, as this process's own Prefect API."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from pulse_blocks.blocks.delivery import flush

    with temporary_settings({PREFECT_API_URL: server.api}):
        yield server
        flush()


@pytest.fixture(scope="session")
def empty_mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with its tables, which take over a second, and nothing in them. To be copied."""
    from pulse_blocks.tracking import Tracking

    workspace = settings.load(tmp_path_factory.mktemp("mlflow"), environ={})
    Tracking(workspace)
    path = sqlite_path(workspace.tracking)
    assert path is not None
    return path


@pytest.fixture
def project(tmp_path: Path, empty_mlflow: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in a folder of its own, which this process's settings point to."""
    folder = make_project(tmp_path / "project")
    shutil.copy(empty_mlflow, folder / ".pulse" / empty_mlflow.name)
    for name in [name for name in os.environ if name.startswith("PULSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server, started once (tests that ask for it while they run are marked ``xdist_group("s3")``)."""
    with running_s3() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The same, with what a client needs to use it in the environment."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    return s3_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL. Whoever stops it starts it again."""
    with running_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def any_ledger(request: pytest.FixtureRequest, workspace: Workspace) -> Workspace:
    """The workspace with its ledger in each kind of database."""
    if request.param == "sqlite":
        return workspace
    url = request.getfixturevalue("postgres_ledger")
    signing_key(workspace, create=True)
    (workspace.folder / settings.FILE).write_text(f'ledger = "{url}"\n')
    return settings.load(Path(workspace.root), environ={})


@pytest.fixture
def postgres_ledger(postgres_server: PostgresServer) -> str:
    """The URL of an empty ledger-to-be."""
    return postgres_server.new_schema()
