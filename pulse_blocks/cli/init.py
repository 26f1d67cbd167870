"""``pulse init``: a project of one's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from pulse_blocks.cli.output import Json, emit


def init(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="The project's folder, new or empty.")],
    *,
    datasource: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where rows come from: a CSV or Parquet file, sqlite:///PATH, postgresql://...",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a project: protocols/, flows/, deployments/, tests/ and prefect.yaml."""
    from pulse_blocks.cli import scaffold

    folder = Path(name).absolute()
    scaffold.check_folder(folder)
    said = None if datasource is None else _checked(datasource)
    written = scaffold.write(folder)
    entered = None if datasource is None else _enter(folder, datasource)
    data = {"project": folder.name, "folder": str(folder), "files": written, "datasource": entered}
    emit(data, lambda: _rendered(name, data, said), as_json=as_json)


def _checked(url: str) -> str:
    """What the datasource says of itself. Raises PulseError where it cannot be opened: nothing was written then."""
    from pulse_blocks.cli.datasource import check_url
    from pulse_blocks.settings import Datasource
    from pulse_blocks.sources import open_source

    check_url(_name_of(url), url)
    return open_source(Datasource(url), Path.cwd()).test()


def _enter(folder: Path, url: str) -> str:
    from pulse_blocks import settings
    from pulse_blocks.cli import workspace_file

    workspace, name = settings.load(folder, environ={}), _name_of(url)
    workspace_file.add_datasource(workspace, name, workspace_file.relative_to_root(url, workspace))
    return name


def _name_of(url: str) -> str:
    """A datasource's name from the last part of its URL: ``data/My Parcels.csv`` → ``my-parcels``."""
    last = url.partition("?")[0].rstrip("/").rpartition("/")[2]
    plain = re.sub(r"\$\{.*?\}", "", last.partition(".")[0])
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:63].strip("-")
    return name if name and name[0].isalpha() else "data"


def _rendered(name: Path, data: dict[str, Any], said: str | None) -> str:
    source = data["datasource"]
    lines = [f"The project {data['project']} is in {data['folder']}."]
    if said:
        lines.append(f"Datasource {source}: {said}")
    lines += ["", "Next:"]
    if str(name) != ".":
        lines.append(f"  cd {name}")
    if not said:
        lines.append("  pulse datasource add NAME URL")
    draft = f"--datasource {source or 'NAME'} --query 'select ...'"
    lines += [
        f"  pulse protocol draft --name MODEL {draft} > protocols/MODEL.yaml",
        "  pulse check        # what is still to be settled, with line and column",
        "  pulse run MODEL    # train, judge and deploy it",
    ]
    return "\n".join(lines)
