"""Each test of this folder has a small project of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace


@pytest.fixture
def workspace(project: Path) -> Workspace:
    """The project's workspace."""
    return settings.load(project, environ={})
