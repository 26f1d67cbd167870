"""``pulse automations``: what starts flows by itself, applied from files and shown with its failures."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, facts, note

if TYPE_CHECKING:
    from pulse_blocks.blocks.overview import Known
    from pulse_blocks.settings import Workspace

app = commands(
    "Apply the automations of deployments/automations, and see what they do and where they failed."
)


@app.command("apply")
def apply_(*, as_json: Json = False) -> None:
    """Let the Prefect server have what deployments/automations declares. Twice is the same as once."""
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import prefect_server

    workspace = settings.load()
    note("Connecting to the Prefect server, or starting one ...")
    with prefect_server(workspace) as server:
        _use(workspace, server)
        from pulse_blocks.blocks.automations import apply
        from pulse_blocks.records import as_dict

        done = as_dict(apply(Path(workspace.root)))
    emit(done, lambda: _done(done), as_json=as_json)


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the automations: trigger, action, whether they are on, and their last failures."""
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import prefect_server

    workspace = settings.load()
    note("Connecting to the Prefect server, or starting one ...")
    with prefect_server(workspace) as server:
        _use(workspace, server)
        from pulse_blocks.blocks.overview import overview

        found = overview(workspace)
    emit({"automations": found}, lambda: _shown(found), as_json=as_json)


def _use(workspace: Workspace, server: Any) -> None:
    from pulse_blocks.cli.embedded import environment

    if server.pid is not None:
        os.environ.update(environment(workspace, server.api))


def _done(done: dict[str, Any]) -> str:
    lines = [(what.capitalize(), ", ".join(names)) for what, names in done.items() if names]
    return facts(lines) if lines else "deployments/automations declares none, and the server has none."


def _shown(found: list[Known]) -> str:
    if not found:
        return (
            "No automations. They are declared in deployments/automations/*.yaml; pulse deploy applies them."
        )
    return "\n\n".join(_block(one) for one in found)


def _block(one: Known) -> str:
    lines = [("Name", one.name), ("Trigger", one.trigger), ("Action", one.action), ("State", one.state)]
    lines += [
        (
            "Failed",
            f"{dt.datetime.fromtimestamp(failure.at / 1e6, dt.UTC):%Y-%m-%dT%H:%M:%SZ}  {failure.reason}",
        )
        for failure in one.failures
    ]
    return facts(lines)
