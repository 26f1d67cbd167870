"""``pulse workspace``: the settings of this project, for use outside Prefect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, table

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace

app = commands("Where snapshots, models, MLflow and the ledger of this project live.")


@app.command()
def use(
    block: Annotated[str, typer.Argument(help="Name of a Pulse Workspace block: default, say.")],
    *,
    as_json: Json = False,
) -> None:
    """Copy a Prefect block's settings into .pulse/workspace.toml, its secrets as references to the environment."""
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file
    from pulse_blocks.cli.prefect_blocks import prefect

    workspace = settings.load()
    with prefect(workspace):
        from pulse_blocks.blocks.outside import outside

        found = outside(block, workspace, _datasources(workspace))
    workspace_file.take_over(workspace, found.keys, found.datasources)
    data = {
        "block": block,
        "keys": found.keys,
        "datasources": found.datasources,
        "variables": list(found.variables),
    }
    emit(data, lambda: _render(data), as_json=as_json)


def _datasources(workspace: Workspace) -> Iterator[str]:
    """What the project's protocols read from; one that is not sound says so when it is checked."""
    from pulse_blocks.errors import ProtocolError
    from pulse_blocks.protocol import loading

    for path in sorted(workspace.protocols.glob(f"*{loading.SUFFIX}")):
        try:
            yield loading.load(path).source.datasource
        except ProtocolError:
            continue


def _render(data: dict[str, Any]) -> str:
    rows = [
        *data["keys"].items(),
        *((f"datasources.{name}", url) for name, url in data["datasources"].items()),
    ]
    if not rows:
        return f"The block {data['block']} says nothing: .pulse/workspace.toml stays as it is."
    text = f"Written to .pulse/workspace.toml:\n\n{table(['KEY', 'VALUE'], rows)}"
    if data["variables"]:
        text += (
            f"\n\nTo be set in the environment, since no file holds secrets: {', '.join(data['variables'])}."
        )
    return text
