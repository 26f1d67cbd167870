"""``pulse plan``: what training takes, before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts
from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    from pulse_blocks.settings import Workspace
    from pulse_blocks.training.sizing import Plan


def plan(
    name: Annotated[
        str,
        typer.Argument(
            help="Name of a protocol: a file in protocols/, without .yaml.",
            autocompletion=completing.protocols,
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Say how much memory, how many cores and workers training needs, and why. Reads no row."""
    from pulse_blocks import settings

    found = planned(settings.load(), name)
    emit(found, lambda: render(found), as_json=as_json)


def planned(workspace: Workspace, name: str) -> Plan:
    """The plan by the newest snapshot of a protocol. Raises PulseError where there is none."""
    from pulse_blocks.protocol import loading
    from pulse_blocks.snapshots.reading import all_snapshots
    from pulse_blocks.stores import open_store
    from pulse_blocks.training.sizing import plan as make

    protocol = loading.load(loading.find(workspace, name))
    for snapshot in all_snapshots(open_store(workspace.store)):
        if snapshot.protocol.name == protocol.name:
            return make(protocol, snapshot)
    raise PulseError(
        "plan.no_snapshot",
        f"There is no snapshot of {protocol.name} yet, so nobody knows how many rows it has.",
        f"pulse snapshot create {protocol.name} makes one without training on it.",
    )


def render(found: Plan) -> str:
    """The plan for people."""
    head = facts(
        [
            ("CPU", f"{found.cpu}"),
            ("Memory", found.memory),
            ("Workers", f"{found.workers}"),
            ("About", f"{found.seconds:,.0f} s"),
        ]
    )
    return head + "\n\n" + "\n".join(f"- {reason}" for reason in found.reasons)
