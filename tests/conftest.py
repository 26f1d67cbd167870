"""Fixtures that every kind of test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.settings import Workspace
from tests.ceph_server import S3Server, running_s3
from tests.postgres_server import PostgresServer, running_postgres


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An embedded workspace in an empty folder of its own."""
    return settings.load(tmp_path, environ={})


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server, started once (give its tests ``xdist_group("s3")``, so that one worker has them all)."""
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
    """The URL of an empty database."""
    return postgres_server.new_database()
