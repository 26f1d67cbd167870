"""What every test of lineage stands on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lineage_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An empty workspace, migrated."""
    return World(tmp_path)
