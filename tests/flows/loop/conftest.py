"""Each file has a Prefect server of its own: nothing of another project's automations and worker is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.prefect_server import Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Prefect server with an empty database."""
    with running_server(tmp_path_factory.mktemp("prefect")) as found:
        yield found
