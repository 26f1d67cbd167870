"""The audit log: each row holds the hash of the one before it, so that none can be changed or taken out unseen."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_blocks.ledger.audit import BEGINNING, chained
from pulse_blocks.lineage.audit.finding import Finding, Tally
from pulse_blocks.lineage.node import Places


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all rows. After a row that does not hold the chain goes on from what that row says of itself."""
    before, number = BEGINNING, 0
    for row in places.ledger.audit_rows():
        tally["audit rows"] += 1
        number += 1
        where = f"{row.seq} ({row.action} of {row.subject} by {row.who})"
        if row.seq != number:
            problem = f"The rows {number} to {row.seq - 1} before it are missing."
            yield Finding(kind="audit", id=where, problem=problem)
            number = row.seq
        elif row.previous != before:
            yield Finding(kind="audit", id=where, problem="It does not follow from the row before it.")
        facts = (row.previous, row.seq, row.at, row.who, row.action, row.subject, row.details)
        if chained(*facts) != row.hash:
            yield Finding(kind="audit", id=where, problem="It was changed: it differs from its hash.")
        before = row.hash
