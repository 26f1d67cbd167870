"""``pulse status``: how things are, on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli.failures import printable
from pulse_blocks.cli.output import Json, emit, facts, table
from pulse_blocks.cli.predict import DEFAULT_URL

if TYPE_CHECKING:
    from pulse_blocks.cli.overview import ModelStatus, Status


def status(
    *,
    url: Annotated[str, typer.Option(envvar="PULSE_RUNTIME_URL", help="Where the runtime is.")] = DEFAULT_URL,
    as_json: Json = False,
) -> None:
    """Say how things are: models, champions, last runs, drift, automations, the runtime, disk use."""
    from pulse_blocks import settings
    from pulse_blocks.cli.overview import overview

    found = overview(settings.load(), url)
    emit(found, lambda: render(found), as_json=as_json)


def render(found: Status) -> str:
    """A table of the models, what their last runs said where they did not complete, and the rest in a few lines."""
    parts = [_models(found), *map(_trouble, filter(_is_trouble, found.models)), "", _rest(found)]
    return "\n".join(parts)


def _models(found: Status) -> str:
    if not found.models:
        return "No protocols yet. A first one from data: pulse protocol draft --help."
    rows = [
        (
            one.name,
            one.champion or "none",
            one.since or "",
            f"{one.last_run.state} {one.last_run.started}" if one.last_run else "never",
            f"{one.last_drift.verdict.replace('_', ' ')} {one.last_drift.at}" if one.last_drift else "never",
            f"{one.inferences_24h:,}",
        )
        for one in found.models
    ]
    headers = ["MODEL", "CHAMPION", "SINCE", "LAST RUN", "LAST DRIFT CHECK", "LAST 24 H"]
    return table(headers, rows, right=(5,))


def _is_trouble(one: ModelStatus) -> bool:
    return one.last_run is not None and one.last_run.state in ("failed", "interrupted")


def _trouble(one: ModelStatus) -> str:
    if one.last_run and one.last_run.state == "failed":
        return printable(f"{one.name}: {one.last_run.message}")
    return f"{one.name}: its last run was interrupted; pulse run {one.name} goes on with it."


def _automations(found: Status) -> str:
    failed, waiting = found.automation_failures, found.events_waiting
    said = f"{failed} failed in a week: pulse automations list" if failed else "none failed in a week"
    return f"{said}; {waiting} events wait for Prefect" if waiting else said


def _rest(found: Status) -> str:
    from pulse_blocks.cli.output import size

    snapshots = found.snapshots
    newest = f", the newest of {snapshots.newest}" if snapshots.newest else ""
    unreadable = (
        f"; {snapshots.unreadable} cannot be read: pulse audit verify" if snapshots.unreadable else ""
    )
    disk = ", ".join(f"{name} {size(count)}" for name, count in found.disk.items() if count)
    answers = "ready" if found.ready else "nothing answers; pulse serve NAME starts it"
    return facts(
        [
            ("Runtime", f"{found.runtime}: {answers}"),
            ("Automations", _automations(found)),
            ("Snapshots", f"{snapshots.count:,} with {snapshots.rows:,} rows{newest}{unreadable}"),
            ("Disk", disk or "nothing yet"),
            ("Workspace", f"{found.workspace} in {found.root}"),
        ]
    )
