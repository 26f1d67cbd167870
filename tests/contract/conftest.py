"""Servers that contract suites run against."""

from __future__ import annotations

import pytest

from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> str:
    """The URL of a running PostgreSQL with an empty database."""
    return postgres_server.url
