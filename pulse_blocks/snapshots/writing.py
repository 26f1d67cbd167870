"""Rows to content-addressed chunks, in a stream: memory holds a few chunks, whatever the source holds."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

from pulse_blocks import progress
from pulse_blocks.errors import PulseError
from pulse_blocks.records import Chunk, Record
from pulse_blocks.snapshots.borders import chunked
from pulse_blocks.snapshots.describing import Description
from pulse_blocks.snapshots.digest import digest
from pulse_blocks.snapshots.layout import chunk_key, content_sha256
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.parquet import encode
from pulse_blocks.snapshots.sampling import Numbers, Picked
from pulse_blocks.sources.base import Rows
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa


class Written(Record, frozen=True, kw_only=True):
    """Chunks in the store. ``new_bytes`` is what was not there before; ``content`` makes a snapshot's id."""

    chunks: tuple[Chunk, ...]
    content: str
    rows: int
    new_bytes: int


def write_chunks(
    store: Store, rows: Rows, key: tuple[str, ...], description: Description | None = None
) -> Written:
    """Write all rows. The same rows give the same chunks, however they came in batches.

    ``key`` are the columns whose hash decides where a chunk ends; without any, all columns do. Into ``description``
    goes what the store did not hold yet: where nothing is new there is likely a snapshot with a description of its own.
    Raises what the source and the store raise, and PulseError where there are no rows.
    """
    hashed = key or tuple(rows.schema.names)
    done: list[Chunk] = []
    count = new_bytes = 0
    numbers = Numbers()
    parts = ((batch, numbers.pick(batch.num_rows)) for batch in chunked(rows.batches, hashed))
    for chunk, added in overlapped(functools.partial(_store, store, key, description), parts):
        done.append(chunk)
        count += chunk.rows
        new_bytes += added
        progress.report("ingest", count, rows.total, f"{count:,} rows")
    if not done:
        raise PulseError(
            "snapshot.empty", "There are no rows to make a snapshot of.", "Choose another window."
        )
    return Written(chunks=tuple(done), content=content_sha256(done), rows=count, new_bytes=new_bytes)


def _store(
    store: Store, key: tuple[str, ...], description: Description | None, part: tuple[pa.RecordBatch, Picked]
) -> tuple[Chunk, int]:
    import pyarrow as pa

    batch, picked = part
    data = encode(batch, key)
    sha256 = hashlib.sha256(data).hexdigest()
    added = store.put(chunk_key(sha256), data)
    if description and added:
        description.add(pa.Table.from_batches([batch]), picked)
    return Chunk(sha256=sha256, digest=digest(batch), rows=batch.num_rows, bytes=len(data)), added
