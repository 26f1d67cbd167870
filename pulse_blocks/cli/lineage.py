"""``pulse lineage``: where does it come from?"""

from __future__ import annotations

from typing import Annotated

import typer

from pulse_blocks.cli.output import Json, emit


def lineage(
    id_: Annotated[
        str,
        typer.Argument(metavar="ID", help="Of an inference, model, run or snapshot, or a unique prefix."),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Say where a prediction comes from, or what stands on a snapshot."""
    from pulse_blocks import settings
    from pulse_blocks.lineage.text import render
    from pulse_blocks.lineage.trace import trace

    node = trace(settings.load(), id_)
    emit(node, lambda: render(node), as_json=as_json)
