"""Manifests, chunks, profiles and samples: every byte and every value again."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_blocks.lineage import resolving
from pulse_blocks.lineage.arrivals import verify_snapshot
from pulse_blocks.lineage.audit.finding import Finding, Tally, attempt
from pulse_blocks.lineage.node import Places
from pulse_blocks.lineage.noted import noted
from pulse_blocks.records import SnapshotRef


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all snapshots in the store, and those that the ledger remembers."""
    from pulse_blocks.snapshots.reading import load

    remembered = _remembered(places)
    for one in sorted({*resolving.snapshot_ids(places), *remembered}):
        tally["snapshots"] += 1
        snapshot = attempt(lambda one=one: load(places.store, one))  # type: ignore[misc]
        if isinstance(snapshot, str):
            yield Finding(kind="snapshot", id=one, problem=snapshot)
            continue
        tally["chunks"] += len(snapshot.chunks)
        report = verify_snapshot(places, snapshot)
        yield from (Finding(kind="snapshot", id=one, problem=problem) for problem in report.problems)
        if one in remembered and snapshot.hash not in remembered[one]:
            problem = f"Its manifest has the hash {snapshot.hash}, and the run that made it noted another."
            yield Finding(kind="snapshot", id=one, problem=problem)


def _remembered(places: Places) -> dict[str, set[str]]:
    """The hashes that runs have noted, by snapshot."""
    found: dict[str, set[str]] = {}
    for ref in noted(places, SnapshotRef):
        found.setdefault(ref.id, set()).add(ref.hash)
    return found
