"""API keys: none that was made, changed or brought back behind the audit log's back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pulse_blocks.lineage.audit.finding import Finding, Tally
from pulse_blocks.lineage.node import Places

_CREATED, _REVOKED = "key.create", "key.revoke"


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all keys, beside what the audit log says of them."""
    made, revoked = _logged(places)
    hashes = places.ledger.usable_keys()
    for key in places.ledger.api_keys():
        tally["keys"] += 1
        said = made.pop(key.id, None)
        where = f"{key.id} ({key.name})"
        if said is None:
            yield Finding(kind="key", id=where, problem="The audit log does not know it.")
            continue
        if list(key.scopes) != said.get("scopes"):
            problem = f"It may {', '.join(key.scopes)}, and the audit log says {said.get('scopes')}."
            yield Finding(kind="key", id=where, problem=problem)
        if key.id in hashes and hashes[key.id][0].hex() != said.get("sha256"):
            yield Finding(kind="key", id=where, problem="It was exchanged: the audit log knows another hash.")
        if (key.revoked is not None) != (key.id in revoked):
            now = "may be used" if key.revoked is None else "is revoked"
            yield Finding(kind="key", id=where, problem=f"It {now}, and the audit log says otherwise.")
    for key_id in made:
        yield Finding(kind="key", id=key_id, problem="The audit log knows it, and it is missing.")


def _logged(places: Places) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """What was said of keys when they were made, and which were revoked; the log's own check tells bad rows."""
    made: dict[str, dict[str, Any]] = {}
    revoked: set[str] = set()
    for row in places.ledger.audit_rows():
        if row.action in {_CREATED, _REVOKED}:
            try:
                details = msgspec.json.decode(row.details, type=dict[str, Any])
            except msgspec.MsgspecError:
                continue
            if row.action == _CREATED:
                made[str(details.get("key"))] = details
            else:
                revoked.add(str(details.get("key")))
    return made, revoked
