"""Servers that contract suites run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.postgres_server import binaries, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL with an empty database."""
    if binaries() is None:
        pytest.skip("needs the binaries of PostgreSQL")
    with running_postgres() as url:
        yield url
