"""Servers, ledgers and stores that contract suites run against, and every kind of datasource."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import Store, open_store
from tests import source_writers
from tests.postgres_server import PostgresServer
from tests.source_writers import Write

_S3 = pytest.mark.xdist_group("s3")
Opener = Callable[[], Ledger]
KINDS: list[Any] = [
    "sqlite",
    "parquet",
    "csv",
    "postgres",
    pytest.param("s3_parquet", marks=_S3),
    pytest.param("s3_csv", marks=_S3),
]


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> str:
    """The URL of a running PostgreSQL with an empty database."""
    return postgres_server.url


@pytest.fixture
def opener(any_ledger: Workspace) -> Opener:
    """Opens the same, migrated, empty ledger again and again."""
    migrate(any_ledger.ledger)
    return lambda: open_ledger(any_ledger.ledger)


@pytest.fixture
def ledger(opener: Opener) -> Iterator[Ledger]:
    """A migrated, empty ledger."""
    with opener() as opened:
        yield opened


@pytest.fixture
def store(any_ledger: Workspace) -> Store:
    """An empty store."""
    return open_store(any_ledger.store)


@pytest.fixture(params=KINDS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """A way to keep rows and a datasource to find them by, for each kind of source."""
    return _writer(request, tmp_path, request.param)


@pytest.fixture
def every_writer(request: pytest.FixtureRequest, tmp_path: Path) -> list[Write]:
    """All of them."""
    kinds = ("sqlite", "parquet", "csv", "postgres", "s3_parquet", "s3_csv")
    return [_writer(request, tmp_path, kind) for kind in kinds]


def _writer(request: pytest.FixtureRequest, folder: Path, kind: str) -> Write:
    make: Any = getattr(source_writers, kind)
    if kind == "postgres":
        return make(request.getfixturevalue("postgres"))  # type: ignore[no-any-return]
    if kind.startswith("s3"):
        server = request.getfixturevalue("s3")
        return make(server.url, server.bucket())  # type: ignore[no-any-return]
    return make(folder)  # type: ignore[no-any-return]
