"""``pulse workspace``: the workspaces of this project, and which one commands use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, facts, table

if TYPE_CHECKING:
    from pulse_blocks.settings import Origin, Workspace

app = commands("Where snapshots, models, MLflow and the ledger of this project live: dev, staging, prod.")


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the workspaces of this project."""
    from pulse_blocks import settings

    root = settings.find_root()
    used, by = settings.current(root)
    data = [
        {
            "name": name,
            "in_use": name == used,
            "chosen_by": _chosen_by(by) if name == used else None,
            **_places(settings.load(root, None if name == used else {}, name)),
        }
        for name in settings.names(root)
    ]
    emit(data, lambda: _listed(data), as_json=as_json)


@app.command()
def show(
    name: Annotated[str | None, typer.Argument(help="A workspace; the one in use, if left out.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say where each value of a workspace comes from: the environment, the file or the default."""
    from pulse_blocks import settings
    from pulse_blocks.secret_urls import hidden

    root = settings.find_root()
    used, by = settings.current(root)
    workspace = settings.load(root, name=name)
    origins = settings.origins(workspace)
    data = {
        "name": workspace.name,
        "in_use": workspace.name == used,
        "chosen_by": _chosen_by(by) if workspace.name == used else None,
        "folder": str(workspace.folder),
        "values": {
            key: {"value": hidden(str(getattr(workspace, key))), "from": _said(origin)}
            for key, origin in origins.items()
        },
        "datasources": {name: hidden(one.url) for name, one in sorted(workspace.datasources.items())},
    }
    emit(data, lambda: _shown(data), as_json=as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A new name: dev, staging, prod.")],
    *,
    store: Annotated[str | None, typer.Option(help="Path or URL of its store.")] = None,
    ledger: Annotated[str | None, typer.Option(help="URL of its ledger.")] = None,
    tracking: Annotated[str | None, typer.Option(help="Its MLflow tracking URI.")] = None,
    artifacts: Annotated[str | None, typer.Option(help="Where its MLflow keeps artifacts.")] = None,
    as_json: Json = False,
) -> None:
    """Enter a workspace into .pulse/workspace.toml. What is left out is below .pulse/workspaces/NAME."""
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file
    from pulse_blocks.errors import PulseError
    from pulse_blocks.secret_urls import has_secret, hidden

    workspace = settings.load(name=settings.DEFAULT)
    given = {"store": store, "ledger": ledger, "tracking": tracking, "artifacts": artifacts}
    keys = {
        key: workspace_file.relative_to_root(url, workspace) for key, url in given.items() if url is not None
    }
    for key, url in keys.items():
        if has_secret(url):
            raise PulseError(
                "workspace.secret",
                f"The {key} of {name} carries a secret in the clear: {hidden(url)}",
                "Write ${NAME} in its place (in single quotes) and set NAME in the environment.",
            )
    workspace_file.create(workspace, name, keys)
    made = settings.load(Path(workspace.root), {}, name)
    data = {"name": name, **_places(made)}
    emit(data, lambda: f"The workspace {name} is there. Use it: pulse workspace use {name}", as_json=as_json)


@app.command()
def use(
    name: Annotated[
        str,
        typer.Argument(help="A workspace of this project, or a Pulse Workspace block: pulse-workspace/NAME."),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Use a workspace where nobody says another; or copy a Prefect block's settings into the one in use.

    A block's secrets become references to the environment in .pulse/workspace.toml.
    """
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file

    root = settings.find_root()
    known = settings.names(root)
    if len(known) == 1 or name not in (settings.DEFAULT, *known):
        _copy_block(name, as_json=as_json)
        return
    workspace_file.choose(settings.load(root, name=name), name)
    used, by = settings.current(root)
    data = {"name": name, "in_use": used, "chosen_by": _chosen_by(by)}
    text = f"{used} is the workspace in use."
    if by.kind == "environment":
        text = f"{name} is chosen in .pulse/workspace.toml, but {by.place} says {used}: that one is in use."
    emit(data, lambda: text, as_json=as_json)


def _copy_block(block: str, *, as_json: bool) -> None:
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


def _places(workspace: Workspace) -> dict[str, str]:
    from pulse_blocks.secret_urls import hidden

    return {key: hidden(getattr(workspace, key)) for key in ("store", "ledger", "tracking", "artifacts")}


def _chosen_by(by: Origin) -> str:
    if by.kind == "environment":
        return f"{by.place} or --workspace"
    return "current in .pulse/workspace.toml" if by.kind == "file" else "nothing else is said"


def _said(origin: Origin) -> str:
    return "default" if origin.kind == "default" else f"{origin.kind}: {origin.place}"


def _listed(data: list[dict[str, Any]]) -> str:
    rows = [["*" if one["in_use"] else "", one["name"], one["store"], one["ledger"]] for one in data]
    return table(["", "NAME", "STORE", "LEDGER"], rows)


def _shown(data: dict[str, Any]) -> str:
    why = f" (in use: {data['chosen_by']})" if data["in_use"] else ""
    rows = [[key, one["value"], one["from"]] for key, one in data["values"].items()]
    rows += [[f"datasources.{name}", url, ""] for name, url in data["datasources"].items()]
    head = facts([("Workspace", data["name"] + why), ("Folder", data["folder"])])
    return f"{head}\n\n{table(['KEY', 'VALUE', 'FROM'], rows)}"
