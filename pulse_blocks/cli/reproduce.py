"""``pulse reproduce``: train a run again from its snapshot, and say whether the same trees grew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, facts, note, table

if TYPE_CHECKING:
    from pulse_blocks.stages.reproduce import Reproduction


def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="Id of a run, or a unique beginning of it.", autocompletion=completing.runs
        ),
    ],
    *,
    as_json: Json = False,
) -> None:
    """Train a run again from its snapshot and compare. The exit code is 1 where the trees differ."""
    from pulse_blocks import settings
    from pulse_blocks.cli.terminal import stages_on_terminal
    from pulse_blocks.stages.reproduce import reproduce as repeat

    workspace = settings.load()
    note(f"Training {run} again ...")
    with stages_on_terminal():
        found = repeat(workspace, run)
    emit(found, lambda: render(found), as_json=as_json)
    if not found.same:
        raise typer.Exit(1)


def render(found: Reproduction) -> str:
    """What came out, for people."""
    head = facts(
        [
            ("Run", found.run),
            ("Model", found.model),
            ("Snapshot", found.snapshot),
            ("Trees", "the same, to the bit" if found.same else "others"),
            ("Digest", f"sha256:{found.trees}"),
            ("Seconds", f"{found.seconds:.1f}"),
        ]
    )
    if not found.differences:
        return f"{head}\n\nNothing differs: packages, machine, parameters, metrics."
    rows = [(one.what, one.recorded, one.now) for one in found.differences]
    return f"{head}\n\n{table(['DIFFERS', 'RECORDED', 'NOW'], rows)}"
