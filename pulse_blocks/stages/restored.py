"""An older snapshot as training data again: what ingest would have given when it was made."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.restores import Restore
from pulse_blocks.records import ProtocolRef, RawBatch, Snapshot
from pulse_blocks.stages.context import Context
from pulse_blocks.stores.base import Store
from pulse_blocks.times import iso


def restore(
    store: Store, ledger: Ledger, snapshot_id: str, who: str, name: str | None = None
) -> tuple[Snapshot, Restore]:
    """Let runs of a protocol train on a snapshot. Returns the snapshot and the pointer.

    ``name`` is the protocol; None: the one that the snapshot was first made for. The same rows are the same snapshot,
    whoever else trains on them.

    Raises PulseError("snapshot.incomplete") where a chunk is missing: the run would only find out later.
    """
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.snapshots.verify import missing

    snapshot = load(store, snapshot_id)
    lacking = missing(store, snapshot)
    if lacking:
        raise PulseError(
            "snapshot.incomplete",
            f"{snapshot.id} cannot be restored: {len(lacking)} of its {len(snapshot.chunks)} chunks are missing or "
            f"of another size, {lacking[0]} among them.",
            "pulse snapshot verify tells more; restore the files from a backup.",
        )
    return snapshot, ledger.restore(name or snapshot.protocol.name, snapshot.id, who)


def batch(restored: Restore, context: Context) -> RawBatch:
    """The record that ingest hands on instead of reading the datasource."""
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store

    protocol = context.protocol
    snapshot = load(open_store(context.workspace.store), restored.snapshot or "")
    return RawBatch(
        protocol=ProtocolRef(name=protocol.name, version=protocol.version, digest=protocol.digest),
        datasource=snapshot.datasource,
        query=snapshot.query,
        window=snapshot.window,
        columns=snapshot.columns,
        chunks=snapshot.chunks,
        content=snapshot.hash,
        rows=snapshot.rows,
        new_bytes=0,
        left_out=(),
        key=snapshot.key,
        restored=snapshot.id,
    )


def sentence(restored: Restore) -> str:
    """Who restored what and when, for lineage."""
    at = iso(dt.datetime.fromtimestamp(restored.at / 1e6, dt.UTC))
    return f"{restored.snapshot} by {restored.who} at {at}"
