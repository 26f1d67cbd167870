"""``pulse run``: the six stages, against the configured Prefect server or the embedded one."""

from __future__ import annotations

import datetime as dt
import importlib
import os
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts, note

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace


def run(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a protocol: a file in protocols/, without .yaml.",
            autocompletion=completing.protocols,
        ),
    ],
    *,
    start: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day of the data (UTC); else the protocol's window."),
    ] = None,
    end: Annotated[
        dt.datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day after the last one."),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="Validate and train anew, even where nothing has changed since a run before."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Train, judge and deploy a model: ingest, snapshot, validate, train, store, deploy."""
    from pulse_blocks import settings
    from pulse_blocks.cli.embedded import environment, prefect_server
    from pulse_blocks.protocol import loading

    workspace = settings.load()
    loading.load(loading.find(workspace, name))  # a broken protocol is told before any server is started
    note("Connecting to the Prefect server, or starting one ...")
    with prefect_server(workspace) as server:
        if server.pid is not None:
            os.environ.update(environment(workspace, server.api))
        summary = run_flow(workspace, name, start, end, fresh=fresh)
    emit(summary, lambda: render(summary), as_json=as_json)


def run_flow(
    workspace: Workspace,
    name: str,
    start: dt.datetime | None,
    end: dt.datetime | None,
    *,
    fresh: bool = False,
) -> dict[str, Any]:
    """Run the project's own ``flows.train.train`` in this process and give its summary.

    Raises PulseError in the words of the stage that failed.
    """
    from pulse_blocks.cli.project_flow import load_flow, result_of
    from pulse_blocks.cli.terminal import stages_on_terminal

    flow = load_flow(workspace, "train")
    with stages_on_terminal():
        state = flow(name, _date(start), _date(end), fresh=fresh, return_state=True)
    return dict(msgspec.to_builtins(result_of(state)))


def warm_up(workspace: Workspace) -> None:
    """Open MLflow and import what takes seconds, while there is nothing else to do."""
    from pulse_blocks.tracking import Tracking
    from pulse_blocks.training import process

    process.prepare()
    Tracking(workspace)
    importlib.import_module("pandera.polars")


def _date(day: dt.datetime | None) -> dt.date | None:
    return day.date() if day else None


def render(summary: dict[str, Any]) -> str:
    """A run's summary for people."""
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in summary["metrics"].items())
    seconds = ", ".join(f"{stage} {value:.1f}" for stage, value in summary["seconds"].items())
    return facts(
        [
            ("Snapshot", summary["snapshot"]),
            ("Run", summary["run"]),
            ("Model", summary["model"]),
            ("Metrics", metrics),
            ("Seconds", seconds),
            ("Champion", summary["reason"]),
        ]
    )
