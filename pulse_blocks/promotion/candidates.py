"""Which models may become champion: those that the ledger saw stored or promoted, with the hash that it saw."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.records import Record, StoredModel, from_json

_SHOWN = 5


class Candidate(Record, frozen=True, kw_only=True):
    """A model with what a promotion says of it. ``signature`` is there where it was champion before."""

    model: str
    bundle: str
    bundle_sha256: str
    version: str
    run: str
    signature: str = ""


def stored_candidate(ledger: Ledger, name: str, model: str) -> Candidate:
    """The stored model with this id, or a unique prefix of it; the name before the @ may be left out.

    Raises PulseError ``promotion.unknown_model`` or ``promotion.ambiguous``.
    """
    rows = ledger.stage_rows(f"{name}@", stage="store")
    found = {one.model: one for one in map(_of_promotion, ledger.promotions(name))}
    found |= {row.record_id: _of_stage(row.record) for row in rows if row.record_id not in found}
    return found[_one(name, model, list(found), f"No model {{model}} of {name} was stored in this workspace")]


def previous_champion(history: Sequence[Promotion]) -> Promotion:
    """Whom a rollback makes champion again: each one goes a step further back, never forth.

    Raises PulseError ``promotion.nothing_before`` where the champion is the first one.
    """
    stack: list[Promotion] = []
    for promotion in history:
        if promotion.action == "rollback":
            while stack and stack[-1].model != promotion.model:
                stack.pop()
            if stack:
                continue
        stack.append(promotion)
    if len(stack) < 2:
        raise PulseError(
            "promotion.nothing_before",
            f"{stack[-1].model} has no champion before it to go back to.",
            "Promote another model: pulse promote NAME MODEL.",
        )
    return stack[-2]


def former_champion(name: str, history: Sequence[Promotion], model: str) -> Promotion:
    """The newest promotion of a model that was champion before, by id or unique prefix. Raises PulseError."""
    found = {promotion.model: promotion for promotion in history}
    return found[_one(name, model, list(found), f"{{model}} was never champion of {name}")]


def candidate_of(promotion: Promotion) -> Candidate:
    """A former champion with its signature."""
    return msgspec.structs.replace(_of_promotion(promotion), signature=promotion.signature)


def _one(name: str, model: str, known: list[str], none: str) -> str:
    full = model if model.startswith(f"{name}@") else f"{name}@{model}"
    if full in known:
        return full
    matching = [one for one in known if one.startswith(full)]
    if len(matching) == 1:
        return matching[0]
    shown = ", ".join((matching or known)[-_SHOWN:][::-1]) or "none"
    if matching:
        raise PulseError(
            "promotion.ambiguous", f"{model} begins more than one model: {shown}.", "Give more digits."
        )
    raise PulseError(
        "promotion.unknown_model", f"{none.format(model=model)} (there are: {shown}).", "Give one of these."
    )


def _of_promotion(promotion: Promotion) -> Candidate:
    names = ("model", "bundle", "bundle_sha256", "version", "run")
    return Candidate(**{name: getattr(promotion, name) for name in names})


def _of_stage(record: bytes) -> Candidate:
    stored = from_json(record, StoredModel)
    names = ("model", "bundle", "bundle_sha256", "version", "run")
    return Candidate(**{name: getattr(stored, name) for name in names})
