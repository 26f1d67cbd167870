"""Does everything still hold? Every link and every hash of a workspace again, from the data to the predictions."""

from __future__ import annotations

from functools import partial
from itertools import islice

from pulse_blocks.lineage.audit import bundles, files, inferences, keys, log, promotions, runs, snapshots
from pulse_blocks.lineage.audit.finding import Audit, Check, Finding, Tally
from pulse_blocks.lineage.node import Places

__all__ = ["Audit", "Finding", "audit"]

_KEPT = 1_000


def audit(places: Places, key: bytes | None = None) -> Audit:
    """Walk the whole workspace; with its signing ``key`` the signatures of promotions are checked too.

    Every check goes on where it finds something wrong. Memory stays bounded. Raises UnavailableError where a
    place is out of reach.
    """
    checks: tuple[Check, ...] = (
        snapshots.check,
        runs.check,
        bundles.check,
        partial(promotions.check, key=key),
        log.check,
        keys.check,
        inferences.check,
        files.check,
        files.check_refused,
    )
    tally = Tally()
    found = (finding for check in checks for finding in check(places, tally))
    kept = tuple(islice(found, _KEPT))
    more = sum(1 for _ in found)
    return Audit(ok=not kept, checked=dict(tally), findings=kept, more=more)
