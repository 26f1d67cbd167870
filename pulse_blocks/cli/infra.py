"""``pulse infra``: where training runs apart from its pipeline, and what is missing there."""

from __future__ import annotations

import os

import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, terminal_width

app = commands("The work pool on which training runs, where the workspace names one (training_pool).")


@app.command()
def check(*, as_json: Json = False) -> None:
    """Say what the pool lacks before a training step can run there. The exit code is 1 where something is missing."""
    from pulse_blocks import settings
    from pulse_blocks.cli.checkup import Diagnosis
    from pulse_blocks.cli.doctor import coloured, render
    from pulse_blocks.cli.embedded import environment, prefect_server

    workspace = settings.load()
    with prefect_server(workspace) as server:
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        from pulse_blocks.blocks.infrastructure import look
        from pulse_blocks.blocks.workspace import load_workspace

        workspace = load_workspace()
        found = tuple(
            Diagnosis(name=one.name, level=one.level, said=one.said, fix=one.fix) for one in look(workspace)
        )
    broken = sum(one.level == "broken" for one in found)
    data = {"ok": not broken, "pool": workspace.training_pool or None, "checks": found}
    emit(data, lambda: render(found, width=terminal_width(), colour=coloured()), as_json=as_json)
    if broken:
        raise typer.Exit(1)
