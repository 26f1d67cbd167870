"""``pulse promote`` and ``pulse rollback``: who is champion, decided by a person."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, note, size

if TYPE_CHECKING:
    from pulse_blocks.promotion import Move, Transfer

Name = Annotated[str, typer.Argument(help="The name of a protocol.", autocompletion=completing.protocols)]
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


class Data(StrEnum):
    """What becomes of a snapshot's rows."""

    copy = "copy"
    reference = "reference"


def promote(
    name: Name,
    model: Annotated[
        str | None,
        typer.Argument(
            show_default=False,
            help="The id of a stored model, or a unique prefix; with --to the champion, if left out.",
            autocompletion=completing.models,
        ),
    ] = None,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="WORKSPACE", help="Another workspace, in which it becomes champion: staging, prod."
        ),
    ] = None,
    data: Annotated[
        Data,
        typer.Option(
            help="With --to and stores that differ: copy the snapshot's rows, or leave them where they are."
        ),
    ] = Data.copy,
    reason: Reason = "by hand",
    as_json: Json = False,
) -> None:
    """Make a stored model champion, here or in another workspace; running runtimes serve it within a second."""
    from pulse_blocks import promotion, settings
    from pulse_blocks.ledger.actor import actor

    workspace = settings.load()
    if to is None:
        if model is None:
            raise typer.BadParameter("which model? Give its id, or --to WORKSPACE for the champion.")
        _tell(promotion.promote(workspace, name, model, reason=reason, who=actor()), as_json=as_json)
        return
    # The environment is about the workspace in use: of another one the file alone speaks.
    target = settings.load(Path(workspace.root), {}, to)
    done = promotion.transfer(workspace, target, name, model, data=data.value, reason=reason, who=actor())
    emit(done, lambda: _transferred(done), as_json=as_json)
    if done.alias_lags:
        note(f"MLflow's alias does not follow: {done.alias_lags}")


def rollback(
    name: Name,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="A former champion; without it the one before.",
            autocompletion=completing.models,
        ),
    ] = None,
    reason: Reason = "by hand",
    as_json: Json = False,
) -> None:
    """Make the champion before champion again; running runtimes serve it within a second."""
    from pulse_blocks import promotion, settings
    from pulse_blocks.ledger.actor import actor

    _tell(promotion.rollback(settings.load(), name, to=to, reason=reason, who=actor()), as_json=as_json)


def _tell(move: Move, *, as_json: bool) -> None:
    emit(
        move,
        lambda: f"{move.model} is champion of {move.name} (before: {move.previous or 'none'}).",
        as_json=as_json,
    )
    if move.alias_lags:
        note(f"The alias in MLflow still names the model before: {move.alias_lags}")


def _transferred(done: Transfer) -> str:
    if not done.moved:
        return f"{done.model} is champion of {done.name} in {done.target} already."
    rows = {
        "shared": "its rows are in the store that both share",
        "copied": f"{size(done.new_bytes)} copied",
        "reference": f"its rows stay in {done.source}, {size(done.new_bytes)} copied",
    }[done.data]
    before = done.previous or "none"
    return f"{done.model} of {done.source} is champion of {done.name} in {done.target} (before: {before}); {rows}."
