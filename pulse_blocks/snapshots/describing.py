"""What a snapshot tells of its rows: the profile and the reference sample, gathered a chunk at a time.

Both follow from the rows alone, whose hash is the snapshot's. So ingest gathers them of what it writes, while its
source hands over the next rows, and keeps them for the stage that comes after it in the same process. That stage
verifies every chunk all the same, and describes what is left: chunks that were in the store before, and all of them
where the process was killed in between.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pulse_blocks.records import Column, RawBatch, to_json
from pulse_blocks.sketches.profile import ProfileBuilder
from pulse_blocks.snapshots.parquet import encode
from pulse_blocks.snapshots.sampling import Picked, Sample

if TYPE_CHECKING:
    import pyarrow as pa


class Description:
    """Takes in chunks in any order, from many threads at once."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._profile, self._sample = ProfileBuilder(columns), Sample()
        self._taken: set[int] = set()
        self._lock = threading.Lock()

    def has(self, picked: Picked) -> bool:
        """Whether the chunk that begins with this row has been taken in."""
        return picked.first in self._taken

    def add(self, rows: pa.Table, picked: Picked) -> None:
        """Take in the rows of a chunk, of which ``picked`` may be sampled."""
        import pyarrow as pa

        self._profile.add(rows, picked.first)
        sampled = rows.take(pa.array(picked.positions))
        with self._lock:
            self._sample.add(picked.positions + picked.first, sampled)
            self._taken.add(picked.first)

    def files(self) -> tuple[bytes, bytes]:
        """The profile and the sample of all rows taken in."""
        return to_json(self._profile.result()), encode(self._sample.rows())


_KEPT: dict[str, Description] = {}


def keep(content: str, description: Description) -> None:
    """Keep the description of an ingest by its content hash, for ``kept`` in this process. The last one alone is."""
    _KEPT.clear()
    _KEPT[content] = description


def kept(raw: RawBatch) -> Description:
    """The description of an ingest so far, which is given once; an empty one where none is kept."""
    found = _KEPT.pop(raw.content, None)
    return found if found and found.columns == raw.columns else Description(raw.columns)
