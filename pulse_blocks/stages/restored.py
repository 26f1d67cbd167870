"""An older snapshot as training data again: what ingest would have given when it was made."""

from __future__ import annotations

import datetime as dt

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.restores import Restore
from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import ProtocolRef, RawBatch, Snapshot
from pulse_blocks.stages.context import Context
from pulse_blocks.stores.base import Store
from pulse_blocks.times import iso


def restore(
    store: Store, ledger: Ledger, snapshot_id: str, who: str, protocol: Protocol | None = None
) -> tuple[Snapshot, Restore]:
    """Let runs of a protocol train on a snapshot. Returns the snapshot and the pointer.

    Without ``protocol`` it is the only one that has the snapshot. The same rows are the same snapshot, so several may.

    Raises PulseError: ``snapshot.shared`` where several have it and none is named; ``snapshot.other_columns`` where it
    lacks columns that ``protocol`` names; ``snapshot.incomplete`` where a chunk is missing: the run would only find out
    later.
    """
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.snapshots.verify import missing

    snapshot = load(store, snapshot_id)
    if protocol is None:
        name = only(snapshot.id, protocols_of(ledger, snapshot))
    else:
        _check_columns(snapshot, protocol)
        name = protocol.name
    lacking = missing(store, snapshot)
    if lacking:
        raise PulseError(
            "snapshot.incomplete",
            f"{snapshot.id} cannot be restored: {len(lacking)} of its {len(snapshot.chunks)} chunks are missing or "
            f"of another size, {lacking[0]} among them.",
            "pulse snapshot verify tells more; restore the files from a backup.",
        )
    return snapshot, ledger.restore(name, snapshot.id, who)


def protocols_of(ledger: Ledger, snapshot: Snapshot) -> list[str]:
    """The protocols that a snapshot is the data of, sorted: the one it was first made for, and those that ran on it."""
    return sorted({snapshot.protocol.name, *ledger.protocols_on(snapshot.id)})


def only(snapshot_id: str, protocols: list[str]) -> str:
    """The one protocol of a list that is not empty. Raises PulseError ``snapshot.shared`` where there are more."""
    if len(protocols) > 1:
        raise PulseError(
            "snapshot.shared",
            f"{snapshot_id} is the data of {len(protocols)} protocols: {', '.join(protocols)}.",
            "Say which one is meant: --protocol NAME.",
        )
    return protocols[0]


def _check_columns(snapshot: Snapshot, protocol: Protocol) -> None:
    has = {column.name for column in snapshot.columns}
    lacking = [column.name for column in all_columns(protocol) if column.name not in has]
    if lacking:
        raise PulseError(
            "snapshot.other_columns",
            f"{snapshot.id} lacks columns of the protocol {protocol.name}: {', '.join(lacking)}.",
            f"It was made for {snapshot.protocol.name}. pulse snapshot list shows the others.",
        )


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
