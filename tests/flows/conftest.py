"""One real Prefect server for all tests of this folder; each test has a project of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace
from tests.prefect_server import Server, running_server
from tests.tiny_project import make_project


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep every test of this folder in one process of pytest-xdist: they share the server."""
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.xdist_group("prefect"))


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


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in a folder of its own, which this process's settings point to."""
    folder = make_project(tmp_path / "project")
    for name in [name for name in os.environ if name.startswith("PULSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    return folder


@pytest.fixture
def workspace(project: Path) -> Workspace:
    """The project's workspace."""
    return settings.load(project, environ={})
