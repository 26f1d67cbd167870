"""One project for all pages, built once and put back to how it was before each page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import world
from tests.docs.executing import Reader
from tests.prefect_server import Server, running_server


@pytest.fixture(scope="session")
def prefect(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the docs' own: what they deploy would start runs among other tests."""
    with running_server(tmp_path_factory.mktemp("prefect")) as found:
        yield found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, prefect: Server) -> tuple[Path, Path]:
    """The project's folder and a copy of how it was."""
    folder = tmp_path_factory.mktemp("docs")
    project = world.build(folder / "project", prefect)
    return project, Path(shutil.copytree(project, folder / "kept"))


@pytest.fixture
def reader(built: tuple[Path, Path], prefect: Server) -> Iterator[Reader]:
    """A reader in the project; paths in it are the same for all of them, because MLflow keeps absolute ones."""
    project, kept = built
    shutil.rmtree(project)
    shutil.copytree(kept, project)
    reading = Reader(project, {**prefect.env, "PULSE_ROOT": str(project)})
    yield reading
    reading.leave()
