"""Writing a file of inferences: some rows at a time, so that memory holds the file and not the rows."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pulse_blocks.archive import columns
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.table import now_us

if TYPE_CHECKING:
    import pyarrow as pa

# A lookup reads one group: small ones are read fast, large ones compress better.
GROUP_ROWS = 4_096


class InferenceWriter:
    """Rows in, a Parquet file out. Each ``add`` makes a row group, with the least and greatest id in its footer."""

    def __init__(self, extra: pa.Schema | None = None, level: int = 1) -> None:
        """``extra`` are columns behind those of the ledger, ``level`` is zstd's."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [*columns.schema(), *(extra or ())]
        self._schema = pa.schema(fields)
        self._sink = io.BytesIO()
        self._writer = pq.ParquetWriter(
            self._sink,
            self._schema,
            version="2.6",
            compression="zstd",
            compression_level=level,
            use_dictionary=["model"],
            write_statistics=["id", "at", "event_time", "model"],
            store_schema=False,
        )
        self._models: Counter[str] = Counter()
        self._first = self._last = ""
        self._times: tuple[int, int] | None = None

    @property
    def rows(self) -> int:
        """How many rows have been added."""
        return self._models.total()

    def add(self, rows: Sequence[InferenceTuple], extra: Sequence[pa.Array] = ()) -> None:
        """Add rows whose ids ascend, behind those of before, and the values of their extra columns.

        At most ``GROUP_ROWS`` at once. Raises ValueError where the ids do not ascend.
        """
        import pyarrow as pa

        if not rows:
            return
        ids = [self._last, *(row[0] for row in rows)]
        if any(one >= other for one, other in pairwise(ids)):
            raise ValueError("The ids of inferences must ascend within a file.")
        self._first, self._last = self._first or ids[1], ids[-1]
        self._models.update(row[4] for row in rows)
        times = [row[1] if row[2] is None else row[2] for row in rows]
        first, last = self._times or (times[0], times[0])
        self._times = min(first, *times), max(last, *times)
        found = columns.batch(rows)
        self._writer.write_batch(pa.RecordBatch.from_arrays([*found.columns, *extra], schema=self._schema))

    def finish(self) -> tuple[bytes, str]:
        """The file and its sha256. Nothing can be added any more."""
        self._writer.add_key_value_metadata({columns.FORMAT_KEY: str(columns.FORMAT)})
        self._writer.close()
        data = self._sink.getvalue()
        return data, hashlib.sha256(data).hexdigest()

    def described(self, key: str, sha256: str, size: int, scoring: str | None = None) -> InferenceFile:
        """What the ledger's index says of the file."""
        first, last = self._times or (None, None)
        return InferenceFile(
            key=key,
            sha256=sha256,
            scoring=scoring,
            first_id=self._first,
            last_id=self._last,
            rows=self.rows,
            models=dict(self._models),
            bytes=size,
            at=now_us(),
            first_time=first,
            last_time=last,
        )
