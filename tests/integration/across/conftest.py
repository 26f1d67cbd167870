"""A project whose workspace dev has a champion, trained once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pulse_blocks import settings
from tests import six_stages
from tests.several_workspaces import FILE
from tests.tiny_project import make_project


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose workspace dev has a champion. Not to be changed."""
    folder = make_project(tmp_path_factory.mktemp("across") / "project")
    (folder / ".pulse" / settings.FILE).write_text(FILE)
    six_stages.run(settings.load(folder, {}, "dev"))
    return folder


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained, tmp_path / "project"))
