"""Empty databases that a ledger can be kept in."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a ledger to be, in each kind of database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_ledger"))
    return f"sqlite:///{tmp_path}/new folder/ledger.db"
