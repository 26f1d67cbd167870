"""Deploy: a stored model becomes champion, if it serves what it was trained to and beats the one there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_blocks.records import Deployment, StoredModel
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.ledger.rows import Promotion


def deploy(stored: StoredModel, context: Context) -> Deployment:
    """Move the ledger's pointer, then MLflow's alias; running runtimes pick the pointer up by themselves.

    A challenger that lost is no failure: the champion stays, and the reason says so. Raises PulseError where
    served predictions differ from the offline ones: then the old pointer stands.
    """
    from pulse_blocks.bundle.signing import sign, signing_key
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.ledger.actor import actor
    from pulse_blocks.promotion.smoke import require_same_predictions
    from pulse_blocks.stores import open_store
    from pulse_blocks.tracking import Tracking

    require_same_predictions(stored, open_store(context.workspace.store))
    name = context.protocol.name
    with open_ledger(context.workspace.ledger) as ledger:
        champion = ledger.champion(name)
        kept = _reason_to_keep(champion, stored, context.attempt)
        if champion is None or kept is None:
            champion = ledger.promote(
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
            )
    Tracking(context.workspace).set_champion(name, champion.version)
    previous = champion.previous or "none"
    return Deployment(
        model=stored.model,
        champion=champion.model,
        previous=champion.previous,
        promoted=kept is None,
        reason=kept or f"{stored.model} is champion (before: {previous}).",
        run=stored.run,
        snapshot=stored.snapshot,
    )


def _reason_to_keep(champion: Promotion | None, stored: StoredModel, attempt: str) -> str | None:
    if champion is None or champion.attempt == attempt:
        return None
    if champion.model == stored.model:
        return f"{champion.model} is champion already: the same data gave the same trees."
    if stored.lost:
        return f"{champion.model} stays champion: {stored.lost}"
    return None
