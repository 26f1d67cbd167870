"""Fixtures that every kind of test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulse_blocks import settings
from pulse_blocks.settings import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An embedded workspace in an empty folder of its own."""
    return settings.load(tmp_path, environ={})
