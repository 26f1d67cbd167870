"""Promotions: a straight line for every name, each of a bundle that is there, none taken out or rewritten."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from pulse_blocks.bundle.files import key_of
from pulse_blocks.bundle.signing import require_signature
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.lineage.audit.finding import Finding, Tally, attempt
from pulse_blocks.lineage.node import Places

_DEEDS = ("model.promote", "model.rollback")


def check(places: Places, tally: Tally, key: bytes | None = None) -> Iterator[Finding]:
    """Of all names. What the audit log and the runs have noted of a promotion must still be true of it.

    With the workspace's ``key`` the signatures are checked too.
    """
    history = [one for name in places.ledger.promoted_names() for one in places.ledger.promotions(name)]
    logged = _logged(places)
    first = min(logged, default=0)
    for one in history:
        tally["promotions"] += 1
        problems = [*_bundle_problems(places, one), *_logged_problems(one, logged.pop(one.seq, None), first)]
        if key is not None:
            tally["signatures"] += 1
            problems += _signature_problems(one, key)
        yield from (_finding(one, problem) for problem in problems)
    for before, after in pairwise([None, *history]):
        if after is not None and (problem := _line_problem(before, after)):
            yield _finding(after, problem)
    yield from _taken_out(places, history, logged)


def _finding(one: Promotion, problem: str) -> Finding:
    return Finding(kind="promotion", id=f"{one.name} {one.seq}", problem=problem)


def _logged(places: Places) -> dict[int, dict[str, Any]]:
    """What the audit log says of promotions, by their number; the log's own check tells unreadable rows."""
    found = {}
    for row in places.ledger.audit_rows():
        if row.action in _DEEDS:
            try:
                details = msgspec.json.decode(row.details, type=dict[str, Any])
            except msgspec.MsgspecError:
                continue
            if isinstance(seq := details.get("seq"), int):
                found[seq] = details
    return found


def _bundle_problems(places: Places, one: Promotion) -> Iterator[str]:
    if one.bundle != key_of(one.model) or one.model.partition("@")[0] != one.name:
        yield f"It names the bundle {one.bundle} for {one.model}."
    data = attempt(lambda: places.store.get(one.bundle))
    if isinstance(data, str):
        yield f"The bundle of {one.model} is missing: {data}"
    elif hashlib.sha256(data).hexdigest() != one.bundle_sha256:
        yield f"The bundle of {one.model} is not the one that was promoted: its sha256 differs."


def _logged_problems(one: Promotion, details: dict[str, Any] | None, first: int) -> Iterator[str]:
    """Promotions before the first row of the log are older than the log itself."""
    if details is None and one.seq > first > 0:
        yield "The audit log does not know it."
    for name, said in (details or {}).items():
        if hasattr(one, name) and getattr(one, name) != said:
            yield f"Its {name} is {getattr(one, name)}, and the audit log says {said}."


def _signature_problems(one: Promotion, key: bytes) -> Iterator[str]:
    found = attempt(
        lambda: require_signature(
            key,
            one.signature,
            name=one.name,
            model=one.model,
            bundle=one.bundle,
            sha256=one.bundle_sha256,
        )
    )
    if isinstance(found, str):
        yield found


def _line_problem(before: Promotion | None, after: Promotion) -> str | None:
    first = before is None or before.name != after.name
    expected = None if first or before is None else before.model
    if after.previous != expected:
        there = f"is of {expected}" if expected else "does not exist"
        return f"It says that {after.previous} was champion before, and the row before it {there}."
    if not first and before is not None and after.at < before.at:
        return "It is older than the one before it."
    return None


def _taken_out(
    places: Places, history: list[Promotion], logged: dict[int, dict[str, Any]]
) -> Iterator[Finding]:
    """Promotions that the audit log or a run has noted, and that are no longer there."""
    for seq, details in logged.items():
        name = str(details.get("model")).partition("@")[0]
        problem = f"{details.get('who')} made {details.get('model')} champion, and its promotion is missing."
        yield Finding(kind="promotion", id=f"{name} {seq}", problem=problem)
    attempts = {one.attempt for one in history}
    for row in places.ledger.stage_rows("", "deploy"):
        # Read as far as it goes: a record that cannot be read is told by the check of the runs.
        if row.attempt not in attempts and b'"promoted":true' in row.record:
            problem = f"{row.attempt} made {row.record_id} champion, and its promotion is missing."
            yield Finding(kind="promotion", id=row.record_id, problem=problem)
