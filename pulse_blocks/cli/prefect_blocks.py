"""Prefect's blocks for commands that need none of Prefect otherwise: imported, and asked, only where one is named."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pulse_blocks.cli.output import note

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace

_BLOCK = "prefect://"


@contextlib.contextmanager
def prefect(workspace: Workspace) -> Iterator[None]:
    """Prefect's client talks to the configured server, or to the embedded one, as long as the block lasts."""
    from pulse_blocks.cli.embedded import environment, prefect_server

    note("Asking the Prefect server ...")
    with prefect_server(workspace) as server:
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        yield


def with_block(workspace: Workspace, name: str) -> Workspace:
    """The workspace with the datasource ``name`` as its Prefect block says, where the workspace names one.

    Secrets are kept in memory. Raises PulseError where the block is missing.
    """
    known = workspace.datasources.get(name)
    if known is None or not known.url.startswith(_BLOCK):
        return workspace
    with prefect(workspace):
        from pulse_blocks.blocks.datasources import with_datasource

        return with_datasource(workspace, name)


def keep_in_block(workspace: Workspace, name: str, url: str, password: str) -> str:
    """Keep a database's URL and password as a Prefect block; returns what the workspace's file is to hold."""
    with prefect(workspace):
        from pulse_blocks.blocks.datasources import save_sql

        return save_sql(name, url, password)
