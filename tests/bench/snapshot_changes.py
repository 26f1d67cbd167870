"""What a change of the data costs: new bytes as a share of the first snapshot, over many seeds.

The chunks are those of the engine. One whose rows were seen before is not encoded again: it would get the same name.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks.protocol import loading
from pulse_blocks.records import Window
from pulse_blocks.settings import Datasource
from pulse_blocks.snapshots.borders import chunked
from pulse_blocks.snapshots.parquet import encode
from pulse_blocks.sources import open_source, query_for

if TYPE_CHECKING:
    import pyarrow as pa

KEY = ("transaction_id",)
EDITED = "amount"


def costs(database: Path, seeds: int) -> Iterator[str]:
    """A line for each kind of change."""
    import numpy as np

    rows = _rows(database)
    known = Known()
    whole = known.new(rows)[0]
    yield f"  what changes cost, {seeds} seeds each; the first snapshot has {whole / 1e6:.1f} MB"
    for name, change in (
        ("1 % appended", _append),
        ("one row deleted", _delete),
        ("1,000 rows inserted", _insert),
    ):
        found = [change(rows, np.random.default_rng(seed), known) for seed in range(seeds)]
        shares = sorted(100 * size / first for size, _, first in found)
        chunks = [count for _, count, _ in found]
        two = 100 * sum(count <= 2 for count in chunks) / len(chunks)
        p95 = shares[min(int(0.95 * len(shares)), len(shares) - 1)]
        yield (
            f"  {name:36} median {statistics.median(shares):5.2f} %, 95th percentile {p95:5.2f} %; "
            f"at most two chunks in {two:.0f} %"
        )
    size, count, first = _edit(rows, np.random.default_rng(0), known)
    yield f"  {'0.1 % of one column edited':36} {100 * size / first:5.2f} %, {count} chunks"
    yield f"  {'the same, had columns their own files':36} {100 * _edited_column(rows) / first:5.2f} %"


class Known:
    """Chunks seen before, by their first and last key and their rows, and what each has in bytes."""

    def __init__(self) -> None:
        self._sizes: dict[tuple[int, int, int], int] = {}

    def new(self, rows: pa.RecordBatch) -> tuple[int, int]:
        """Bytes and number of the chunks that were not known. Knows them from now on."""
        found = [(key, batch) for key, batch in _chunks(rows) if key not in self._sizes]
        for key, batch in found:
            self._sizes[key] = len(encode(batch, KEY))
        return sum(self._sizes[key] for key, _ in found), len(found)

    def besides(self, first: pa.RecordBatch, second: pa.RecordBatch) -> tuple[int, int, int]:
        """Bytes and number of the chunks that only the second has, and the bytes of the first."""
        self.new(first)
        held = {key for key, _ in _chunks(first)}
        added = [(key, batch) for key, batch in _chunks(second) if key not in held]
        sizes = [self._sizes.get(key) or len(encode(batch, KEY)) for key, batch in added]
        return sum(sizes), len(added), sum(self._sizes[key] for key in held)


def _rows(database: Path) -> pa.RecordBatch:
    import pyarrow as pa

    protocol = loading.load(Path("protocols/fraud-detector.yaml"))
    window = Window(start="2000-01-01T00:00:00Z", end="2100-01-01T00:00:00Z")
    stream = open_source(Datasource(f"sqlite:///{database}")).stream(query_for(protocol, window))
    return pa.concat_batches(list(stream.batches))


def _chunks(rows: pa.RecordBatch) -> Iterator[tuple[tuple[int, int, int], pa.RecordBatch]]:
    for batch in chunked([rows], KEY):
        keys = batch.column(KEY[0])
        yield (keys[0].as_py(), keys[-1].as_py(), batch.num_rows), batch


def _append(rows: pa.RecordBatch, draw: Any, known: Known) -> tuple[int, int, int]:
    first = int(draw.integers(rows.num_rows // 2, int(rows.num_rows / 1.01)))
    return known.besides(rows.slice(0, first), rows.slice(0, first + first // 100))


def _delete(rows: pa.RecordBatch, draw: Any, known: Known) -> tuple[int, int, int]:
    import pyarrow as pa

    at = int(draw.integers(rows.num_rows))
    return known.besides(rows, pa.concat_batches([rows.slice(0, at), rows.slice(at + 1)]))


def _insert(rows: pa.RecordBatch, draw: Any, known: Known) -> tuple[int, int, int]:
    """At one place, with keys of their own."""
    import pyarrow as pa

    at = int(draw.integers(rows.num_rows - 1000))
    more = rows.slice(at, 1000)
    keys = pa.array(draw.integers(10**9, 10**12, 1000))
    more = more.set_column(more.schema.get_field_index(KEY[0]), more.schema.field(KEY[0]), keys)
    return known.besides(rows, pa.concat_batches([rows.slice(0, at), more, rows.slice(at)]))


def _edit(rows: pa.RecordBatch, draw: Any, known: Known) -> tuple[int, int, int]:
    """Scattered over the table. The keys do not tell, so chunks are compared by the rows that were edited."""
    import numpy as np

    chosen = np.sort(draw.choice(rows.num_rows, rows.num_rows // 1000, replace=False))
    start = size = count = 0
    for _, batch in _chunks(rows):
        if np.searchsorted(chosen, start) < np.searchsorted(chosen, start + batch.num_rows):
            size += len(encode(batch, KEY))
            count += 1
        start += batch.num_rows
    return size, count, known.new(rows.slice(0, 0))[0] or sum(known._sizes[key] for key, _ in _chunks(rows))


def _edited_column(rows: pa.RecordBatch) -> int:
    return sum(len(encode(batch.select([EDITED]), KEY)) for _, batch in _chunks(rows))
