"""``pulse score``: the champion's predictions for many rows at once, as Parquet in the store."""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts, note

if TYPE_CHECKING:
    from pulse_blocks.scoring import Scored

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def score(
    name: Annotated[
        str, typer.Argument(help="A model that has a champion.", autocompletion=completing.protocols)
    ],
    *,
    start: Annotated[
        dt.datetime | None,
        typer.Option(formats=_TIMES, help="First moment of the rows (UTC); else the protocol's window."),
    ] = None,
    end: Annotated[
        dt.datetime | None, typer.Option(formats=_TIMES, help="The moment after the last one.")
    ] = None,
    datasource: Annotated[
        str | None, typer.Option(help="Where the rows are; else where the model's data came from.")
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="What gives the features and the key; else the protocol's query."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Predict every row of a datasource; each prediction can be traced."""
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import environment, prefect_server
    from pulse_blocks.cli.project_flow import load_flow, result_of
    from pulse_blocks.cli.terminal import stages_on_terminal

    workspace = settings.load()
    note("Connecting to the Prefect server, or starting one ...")
    with prefect_server(workspace) as server:
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        flow = load_flow(workspace, "score")
        with stages_on_terminal():
            state = flow(name, start, end, datasource, query, return_state=True)
        scored: Scored = result_of(state)
    emit(scored, lambda: render(scored), as_json=as_json)


def render(scored: Scored) -> str:
    """A scoring for people."""
    refused = f" ({', '.join(scored.refused_files)})" if scored.refused_files else ""
    before = " (made before: the same rows, the same model)" if scored.existed else ""
    return facts(
        [
            ("Scoring", f"{scored.scoring}{before}"),
            ("Model", scored.model),
            ("Predictions", f"{scored.rows:,}"),
            ("Refused", f"{scored.refused:,}{refused}"),
            ("Files", f"{len(scored.files):,} in {scored.location}"),
            ("Seconds", f"{scored.seconds:.1f}"),
        ]
    )
