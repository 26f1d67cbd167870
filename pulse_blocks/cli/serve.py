"""``pulse serve``: the inference runtime in this process, until ctrl-C."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace

DEFAULT_PORT = 8080


def serve(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The models to serve.")],
    *,
    host: Annotated[
        str, typer.Option(help="Where to listen: an address of this machine alone.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")
    ] = DEFAULT_PORT,
) -> None:
    """Answer POST /predict/NAME until ctrl-C; every reply can be traced."""
    from pulse_blocks import settings
    from pulse_blocks.serving import server

    workspace = settings.load()
    server.serve(workspace, names, host, port, ready=lambda url: _welcome(url, names, workspace))


def _welcome(url: str, names: list[str], workspace: Workspace) -> None:
    """Say where the runtime is and how to ask it. A program that waits for it reads this line by line."""
    lines = [f"Serving {', '.join(names)} at {url} (documentation: {url}/docs; ctrl-C stops it)"]
    lines += [f"Try: {line}" for line in _examples(url, names, workspace)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _examples(url: str, names: list[str], workspace: Workspace) -> list[str]:
    from pulse_blocks import bundle
    from pulse_blocks.cli.examples import curl
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.stores import open_store

    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        champions = [found for name in names if (found := ledger.champion(name))]
    return [curl(url, bundle.load(store, one.bundle, one.bundle_sha256).protocol) for one in champions]
