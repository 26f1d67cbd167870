"""A project whose model has a reference for drift, and what it is asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import signing_key
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.serving.model import Model
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests import drifting_models


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose model has a reference for drift."""
    folder = tmp_path_factory.mktemp("tripwire") / "project"
    drifting_models.project(folder)
    return folder


@pytest.fixture
def workspace(trained: Path, tmp_path: Path) -> Workspace:
    """A workspace whose champion has answered nothing yet."""
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    return settings.load(folder, environ={})


@pytest.fixture
def ledger(workspace: Workspace) -> Iterator[Ledger]:
    """Its ledger."""
    with open_ledger(workspace.ledger) as opened:
        yield opened


@pytest.fixture
def model(workspace: Workspace, ledger: Ledger) -> Model:
    """Its champion."""
    champion = ledger.champion("tiny")
    assert champion is not None
    return Model.load(open_store(workspace.store), champion, signing_key(workspace))
