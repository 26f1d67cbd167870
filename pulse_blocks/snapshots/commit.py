"""The snapshot itself: chunks re-read and verified, profile and sample beside it, then one manifest, once."""

from __future__ import annotations

from pulse_blocks import ids, progress
from pulse_blocks.errors import PulseError
from pulse_blocks.records import Chunk, RawBatch, Snapshot, SnapshotRef
from pulse_blocks.snapshots import layout, manifest
from pulse_blocks.snapshots.describing import Description
from pulse_blocks.snapshots.keeping import found_again, keep_first, require_whole
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.reading import chunk_bytes, load, verified_chunk
from pulse_blocks.snapshots.sampling import Numbers, Picked
from pulse_blocks.snapshots.sealing import holds, seal
from pulse_blocks.stores.base import Store
from pulse_blocks.times import utc_now


def commit(store: Store, raw: RawBatch, description: Description | None = None) -> SnapshotRef:
    """Make the chunks of an ingest a snapshot. Of many callers one creates it, the others find it.

    Every chunk is read back. ``description`` is what is known of some chunks' rows already; the others are described.
    Raises PulseError that names a chunk which is missing or differs from its hash; then there is no snapshot.
    """
    snapshot_id = ids.snapshot_id(raw.content)
    if layout.content_sha256(raw.chunks) != raw.content:
        raise PulseError("snapshot.content", f"The chunks of this ingest do not have the hash {raw.content}.")
    if found_again(store, snapshot_id):
        for done, chunk in enumerate(raw.chunks, 1):
            chunk_bytes(store, chunk)
            progress.report("snapshot", done, len(raw.chunks), "verified")
        return _found(store, snapshot_id, raw)
    profile, sample = _described(store, raw, description or Description(raw.columns))
    snapshot = Snapshot(
        id=snapshot_id,
        hash=raw.content,
        protocol=raw.protocol,
        datasource=raw.datasource,
        query=raw.query,
        window=raw.window,
        created=utc_now(),
        columns=raw.columns,
        chunks=raw.chunks,
        rows=raw.rows,
        bytes=sum(chunk.bytes for chunk in raw.chunks),
        profile_sha256=keep_first(store, layout.profile_key(snapshot_id), seal(profile), holds),
        sample_sha256=keep_first(store, layout.sample_key(snapshot_id), sample, lambda held: held == sample),
        key=raw.key,
    )
    if not store.create(layout.manifest_key(snapshot_id), manifest.encode(snapshot)):
        return _found(store, snapshot_id, raw)
    require_whole(store, snapshot)
    return _ref(snapshot, raw.new_bytes, existed=False)


def _described(store: Store, raw: RawBatch, description: Description) -> tuple[bytes, bytes]:
    """The profile and the sample as files, all chunks' bytes and values verified."""

    def verify(part: tuple[Chunk, Picked]) -> None:
        chunk, picked = part
        table = verified_chunk(store, chunk)
        if not description.has(picked):
            description.add(table, picked)

    numbers = Numbers()
    parts = ((chunk, numbers.pick(chunk.rows)) for chunk in raw.chunks)
    for done, _ in enumerate(overlapped(verify, parts), 1):
        progress.report("snapshot", done, len(raw.chunks), f"{done:,} of {len(raw.chunks):,} chunks verified")
    return description.files()


def _found(store: Store, snapshot_id: str, raw: RawBatch) -> SnapshotRef:
    snapshot = load(store, snapshot_id)
    if snapshot.hash != raw.content:
        raise PulseError(
            "snapshot.collision", f"{snapshot_id} names other content: {snapshot.hash}, not {raw.content}."
        )
    return _ref(snapshot, raw.new_bytes, existed=True)


def _ref(snapshot: Snapshot, new_bytes: int, *, existed: bool) -> SnapshotRef:
    return SnapshotRef(
        id=snapshot.id,
        hash=snapshot.hash,
        datasource=snapshot.datasource,
        rows=snapshot.rows,
        bytes=snapshot.bytes,
        new_bytes=new_bytes,
        created=snapshot.created,
        existed=existed,
    )
