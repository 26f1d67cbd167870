"""``pulse promote`` and ``pulse rollback``: who is champion, decided by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pulse_blocks.cli import completing
from pulse_blocks.cli.output import Json, emit, note

if TYPE_CHECKING:
    from pulse_blocks.promotion import Move

Name = Annotated[str, typer.Argument(help="The name of a protocol.", autocompletion=completing.protocols)]
Reason = Annotated[str, typer.Option(help="Why, for whoever asks later.")]


def promote(
    name: Name,
    model: Annotated[
        str,
        typer.Argument(
            help="The id of a stored model, or a unique prefix.", autocompletion=completing.models
        ),
    ],
    *,
    reason: Reason = "by hand",
    as_json: Json = False,
) -> None:
    """Make a stored model champion; running runtimes serve it within a second."""
    from pulse_blocks import promotion, settings
    from pulse_blocks.ledger.actor import actor

    _tell(promotion.promote(settings.load(), name, model, reason=reason, who=actor()), as_json=as_json)


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
