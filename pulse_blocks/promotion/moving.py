"""Promote and rollback: check the bundle, move the pointer, let MLflow's alias follow."""

from __future__ import annotations

import os

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle.signing import require_signature, sign, signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.events import deliver
from pulse_blocks.ledger import Ledger, open_ledger
from pulse_blocks.ledger.rows import Action, Promotion
from pulse_blocks.promotion.candidates import (
    Candidate,
    candidate_of,
    former_champion,
    previous_champion,
    stored_candidate,
)
from pulse_blocks.records import Record
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store


class Move(Record, frozen=True, kw_only=True):
    """A pointer that has moved. ``alias_lags`` says why MLflow's alias could not follow (None: it did)."""

    name: str
    model: str
    previous: str | None
    reason: str
    who: str
    promotion: int
    alias_lags: str | None


def promote(workspace: Workspace, name: str, model: str, *, reason: str, who: str) -> Move:
    """Make a stored model champion of its name; ``model`` is an id or a unique prefix.

    Raises PulseError, and the pointer stands: ``promotion.unknown_model``, ``promotion.ambiguous``,
    ``promotion.already_champion``, or what is wrong with the model's bundle.
    """
    with open_ledger(workspace.ledger) as ledger:
        champion = ledger.champion(name)
        candidate = stored_candidate(ledger, name, model)
        return _move(workspace, ledger, champion, candidate, name, "promote", reason, who)


def rollback(workspace: Workspace, name: str, *, to: str | None, reason: str, who: str) -> Move:
    """Make the champion before, or the former champion ``to``, champion again.

    Raises PulseError, and the pointer stands: ``promotion.no_champion``, ``promotion.nothing_before``,
    ``promotion.unknown_model``, or what is wrong with that model's bundle or signature.
    """
    with open_ledger(workspace.ledger) as ledger:
        history = ledger.promotions(name)
        if not history:
            known = ", ".join(ledger.promoted_names()) or "none yet"
            raise PulseError(
                "promotion.no_champion", f"No model of {name} has been promoted (promoted: {known}).",
                "Give the name of a protocol.",
            )  # fmt: skip
        target = previous_champion(history) if to is None else former_champion(name, history, to)
        candidate = candidate_of(target)
        _require_signature(workspace, name, candidate)
        return _move(workspace, ledger, history[-1], candidate, name, "rollback", reason, who)


def _move(
    workspace: Workspace,
    ledger: Ledger,
    champion: Promotion | None,
    candidate: Candidate,
    name: str,
    action: Action,
    reason: str,
    who: str,
) -> Move:
    if champion and champion.model == candidate.model:
        raise PulseError(
            "promotion.already_champion", f"{candidate.model} is champion of {name} already.",
            "There is nothing to do.",
        )  # fmt: skip
    _require_servable(workspace, candidate)
    key = signing_key(workspace, create=True)
    promotion = ledger.promote(
        name=name,
        model=candidate.model,
        bundle=candidate.bundle,
        bundle_sha256=candidate.bundle_sha256,
        version=candidate.version,
        run=candidate.run,
        attempt=None,
        reason=reason,
        who=who,
        action=action,
        signature=sign(
            key, name=name, model=candidate.model, bundle=candidate.bundle, sha256=candidate.bundle_sha256
        ),
        instead_of=champion.seq if champion else 0,
    )
    _tell_prefect(ledger)
    return Move(
        name=name,
        model=promotion.model,
        previous=promotion.previous,
        reason=reason,
        who=who,
        promotion=promotion.seq,
        alias_lags=_alias_lags(workspace, name, candidate.model),
    )


def _require_servable(workspace: Workspace, candidate: Candidate) -> None:
    """Load the model as the runtime will: what it would refuse never becomes champion."""
    from pulse_blocks.serving.model import Model

    loaded = bundles.load(open_store(workspace.store), candidate.bundle, candidate.bundle_sha256)
    if Model(loaded).id != candidate.model:
        raise PulseError(
            "bundle.corrupt", f"The bundle of {candidate.model} holds {loaded.bundle.model}.",
            "Run the model again.",
        )  # fmt: skip


def _require_signature(workspace: Workspace, name: str, candidate: Candidate) -> None:
    require_signature(
        signing_key(workspace),
        candidate.signature,
        name=name,
        model=candidate.model,
        bundle=candidate.bundle,
        sha256=candidate.bundle_sha256,
    )


def _tell_prefect(ledger: Ledger) -> None:
    """Send the event now where the server is known; else the next run does."""
    if api := os.environ.get("PREFECT_API_URL"):
        deliver(ledger, api, os.environ.get("PREFECT_API_KEY"))


def _alias_lags(workspace: Workspace, name: str, model: str) -> str | None:
    """Let MLflow's alias follow. The ledger decides: an MLflow that cannot be reached undoes nothing."""
    from pulse_blocks.tracking import Tracking

    try:
        Tracking(workspace).set_champion(name, model)
    except PulseError as error:
        return str(error)
    return None
