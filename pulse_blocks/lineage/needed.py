"""What garbage collection must leave: everything that a model, an open run or a restored snapshot stands on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from pulse_blocks import bundle as bundles
from pulse_blocks import ids
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.attempts import RESUMABLE_SECONDS
from pulse_blocks.ledger.table import now_us
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import RawBatch, Record, SnapshotRef, StoredModel, TrainedModel, from_json
from pulse_blocks.snapshots.garbage import Roots

R = TypeVar("R", bound=Record)


def needed(places: Places) -> Roots:
    """What the bundles in the store and the ledger stand on.

    Chunks of an ingest stay while its run can be resumed (24 hours), and where a model stands on the snapshot that they
    made, even if its manifest has been lost. Raises PulseError for a bundle or a record that cannot be
    read, since nobody knows then what it needs.
    """
    ledger = places.ledger
    snapshots, models = set(ledger.restored_snapshots().values()), set()
    for bundle in bundles.find(places.store):
        snapshots.add(bundle.snapshot.id)
        models.add(bundle.text_sha256)
    resumable = now_us() - RESUMABLE_SECONDS * 1_000_000
    for stored, _ in _noted(places, "store", StoredModel):
        snapshots.add(stored.snapshot)
    for trained, finished in _noted(places, "train", TrainedModel):
        models.add(trained.text_sha256)
        if finished > resumable:
            snapshots.add(trained.snapshot)
    for ref, finished in _noted(places, "snapshot", SnapshotRef):
        if finished > resumable:
            snapshots.add(ref.id)
    chunks: set[str] = set()
    for raw, finished in _noted(places, "ingest", RawBatch):
        if finished > resumable or ids.snapshot_id(raw.content) in snapshots:
            chunks.update(chunk.sha256 for chunk in raw.chunks)
    return Roots(chunks=frozenset(chunks), models=frozenset(models), snapshots=frozenset(snapshots))


def _noted(places: Places, stage: str, kind: type[R]) -> Iterator[tuple[R, int]]:
    """The records of a stage and when each was finished."""
    for row in places.ledger.stage_rows("", stage):
        try:
            yield from_json(row.record, kind), row.finished
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise PulseError(
                "ledger.record",
                f"The ledger's record of {stage} {row.record_id} cannot be read ({error}): what it needs is not known.",
                "pulse audit verify tells more. Nothing was deleted.",
            ) from error
