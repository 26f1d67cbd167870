"""One trained project for all tests of drift; each gets a copy of it with a ledger of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace
from tests import drifting_models


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose model has a reference for drift."""
    folder = tmp_path_factory.mktemp("drift") / "project"
    drifting_models.project(folder)
    return folder


@pytest.fixture
def drifting(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose champion has answered nothing yet."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    return settings.load(folder, environ={})
