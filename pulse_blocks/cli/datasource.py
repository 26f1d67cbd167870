"""``pulse datasource``: the datasources of the workspace."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pulse_blocks.cli.grouping import commands
from pulse_blocks.cli.output import Json, emit, table
from pulse_blocks.errors import PulseError
from pulse_blocks.secret_urls import has_secret, hidden, password_variable, without_password

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace

_DATABASES = ("postgresql://", "postgres://")
app = commands("Enter, list, test and remove datasources.")

Name = Annotated[str, typer.Argument(help="Lowercase letters, digits and single dashes.")]


@app.command()
def add(
    name: Name,
    url: Annotated[
        str,
        typer.Argument(
            help="sqlite:///PATH, postgresql://USER:${DB_PASSWORD}@HOST/DB, or the path or URL of a file."
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Enter a datasource into .pulse/workspace.toml. A password goes into a Prefect block, and into no file."""
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file

    _check_name(name)
    plain, password = without_password(url) if url.startswith(_DATABASES) else (url, None)
    check_url(name, plain)
    workspace = settings.load()
    stored = workspace_file.relative_to_root(plain, workspace)
    if password is not None:
        stored = _in_block(workspace, name, plain, password)
    added = workspace_file.add_datasource(workspace, name, stored)
    data = {"name": name, "url": stored, "added": added}
    emit(
        data,
        lambda: f"Datasource {name}: {stored}" + ("" if added else " (was there already)"),
        as_json=as_json,
    )


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """List the datasources, with secrets hidden."""
    from pulse_blocks import settings

    found = [
        {"name": name, "url": hidden(source.url)}
        for name, source in sorted(settings.load().datasources.items())
    ]
    empty = "No datasources. Add one: pulse datasource add NAME URL, or real flights: pulse demo-data."
    emit(
        found,
        lambda: table(["NAME", "URL"], [[row["name"], row["url"]] for row in found]) if found else empty,
        as_json=as_json,
    )


@app.command()
def test(name: Name, *, as_json: Json = False) -> None:  # noqa: PT028  a command, no test
    """Open a datasource and say what is there."""
    from pulse_blocks import settings
    from pulse_blocks.cli.prefect_blocks import with_block
    from pulse_blocks.sources import open_source
    from pulse_blocks.sources.finding import find_datasource

    workspace = with_block(settings.load(), name)
    said = open_source(find_datasource(name, workspace)).test()
    data: dict[str, Any] = {"name": name, "ok": True, "message": said}
    emit(data, lambda: f"{name}: {said}", as_json=as_json)


@app.command()
def remove(name: Name, *, as_json: Json = False) -> None:
    """Take a datasource out of the workspace. The data, all snapshots of it and a Prefect block stay."""
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file
    from pulse_blocks.sources.finding import find_datasource

    workspace = settings.load()
    find_datasource(name, workspace)
    workspace_file.remove_datasource(workspace, name)
    emit({"name": name, "removed": True}, lambda: f"Datasource {name} removed.", as_json=as_json)


def _in_block(workspace: Workspace, name: str, url: str, password: str) -> str:
    """Keep the password in a Prefect block, unless the name is taken here; returns the block's address."""
    from pulse_blocks.cli import prefect_blocks, workspace_file

    if name in workspace.datasources:
        workspace_file.check_free(workspace, name, url)
    return prefect_blocks.keep_in_block(workspace, name, url, password)


def _check_name(name: str) -> None:
    from pulse_blocks.protocol.spec import Name as Pattern

    try:
        msgspec.convert(name, Pattern)
    except msgspec.ValidationError:
        allowed = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63]
        hint = "A name has lowercase letters, digits and single dashes, and starts with a letter."
        if allowed and allowed[0].isalpha():
            hint += f" Try {allowed}."
        raise PulseError("datasource.name", f"{name!r} is no name for a datasource.", hint) from None


def check_url(name: str, url: str) -> None:
    """Raise PulseError for a URL that is empty or carries a secret in the clear."""
    if not url.strip():
        raise PulseError(
            "datasource.url", f"The URL of datasource {name} is empty.", "Give sqlite:///PATH, say."
        )
    if has_secret(url):
        variable = password_variable(name)
        raise PulseError(
            "datasource.secret",
            f"The URL of datasource {name} carries a secret in the clear: {hidden(url)}",
            f"Write ${{{variable}}} in its place (in single quotes) and set {variable} in the environment.",
        )
