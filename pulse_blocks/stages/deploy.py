"""Deploy: a stored model becomes champion, if it serves what it was trained to and beats the one there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Deployment, StoredModel
from pulse_blocks.stages.context import Context
from pulse_blocks.stages.rejudging import judged_again

if TYPE_CHECKING:
    from pulse_blocks.ledger import Ledger
    from pulse_blocks.ledger.rows import Promotion


def deploy(stored: StoredModel, context: Context) -> Deployment:
    """Move the ledger's pointer, then MLflow's alias; running runtimes pick the pointer up by themselves.

    A challenger that lost is no failure: the champion stays, and the reason says so. Where another champion has come
    since the model was judged, it is judged again. Raises PulseError where served predictions differ from the offline
    ones: then the old pointer stands.
    """
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.promotion.smoke import require_same_predictions
    from pulse_blocks.stores import open_store

    require_same_predictions(stored, open_store(context.workspace.store))
    with open_ledger(context.workspace.ledger) as ledger:
        champion, kept = _settled(ledger, stored, context)
    previous = champion.previous or "none"
    reason = kept or f"{stored.model} is champion (before: {previous})."
    return Deployment(
        model=stored.model,
        champion=champion.model,
        previous=champion.previous,
        promoted=kept is None,
        reason=f"{reason}{_alias(champion, context)}",
        run=stored.run,
        snapshot=stored.snapshot,
    )


def _settled(ledger: Ledger, stored: StoredModel, context: Context) -> tuple[Promotion, str | None]:
    """Who is champion now, and why that is not the model (None where it is)."""
    while True:
        champion = ledger.champion(context.protocol.name)
        kept = _reason_to_keep(champion, stored, context)
        if champion is not None and kept is not None:
            return champion, kept
        try:
            return _promoted(ledger, champion, stored, context), None
        except PulseError as error:
            if error.code != "promotion.moved":
                raise


def _promoted(ledger: Ledger, champion: Promotion | None, stored: StoredModel, context: Context) -> Promotion:
    from pulse_blocks.bundle.signing import sign, signing_key
    from pulse_blocks.ledger.actor import actor

    name = context.protocol.name
    return ledger.promote(
        name=name,
        model=stored.model,
        bundle=stored.bundle,
        bundle_sha256=stored.bundle_sha256,
        version=stored.version,
        run=stored.run,
        attempt=context.attempt,
        reason="it meets every gate",
        who=f"train by {actor()}",
        signature=sign(
            signing_key(context.workspace, create=True),
            name=name,
            model=stored.model,
            bundle=stored.bundle,
            sha256=stored.bundle_sha256,
        ),
        instead_of=champion.seq if champion else 0,
    )


def _alias(champion: Promotion, context: Context) -> str:
    """Let MLflow's alias follow; a sentence where its registry no longer has the champion."""
    from pulse_blocks.tracking import Tracking

    try:
        Tracking(context.workspace).set_champion(champion.name, champion.model)
    except PulseError as error:
        if error.code != "tracking.no_version":
            raise
        return f" {error.message}"
    return ""


def _reason_to_keep(champion: Promotion | None, stored: StoredModel, context: Context) -> str | None:
    if champion is None or champion.attempt == context.attempt:
        return None
    if champion.model == stored.model:
        return f"{champion.model} is champion already: the same data gave the same trees."
    judged = stored.champion in ("", champion.model)
    lost = stored.lost if judged else judged_again(champion, stored, context)
    return f"{champion.model} stays champion: {lost}" if lost else None
