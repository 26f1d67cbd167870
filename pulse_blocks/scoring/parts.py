"""One part of a scoring: rows in, a file of predictions and a file of refused rows out."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks.archive import InferenceWriter
from pulse_blocks.archive.writing import GROUP_ROWS
from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.scorings import RefusedFile
from pulse_blocks.scoring.predictions import Columns
from pulse_blocks.scoring.reading import Refusal, sound
from pulse_blocks.scoring.records import Part
from pulse_blocks.serving.model import Model
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa

# A file holds so many rows at most: it is made in memory, and read whole when one of its ids is looked up.
PART_ROWS = 32_768
FOLDER = "scorings/"


def folder_of(name: str, scoring: str = "") -> str:
    """Where the files of a scoring are in the store; those of all of a name where none is given."""
    return f"{FOLDER}{name}/{scoring}{'/' if scoring else ''}"


class PartWriter:
    """Scores parts for one scoring. Memory holds one part's rows and its two files."""

    def __init__(self, store: Store, model: Model, scoring: str) -> None:
        self._store = store
        self._model = model
        self._scoring = scoring
        self._columns = Columns(model.protocol)

    def write(self, number: int, digest: str, batch: pa.RecordBatch) -> Part:
        """Score a batch and write its files, durably. Files are named by their content: no two tries share one.

        Raises PulseError where the model fails, UnavailableError where the store is out of reach.
        """
        writer = InferenceWriter(self._columns.schema)
        refused: list[dict[str, Any]] = []
        for start in range(0, batch.num_rows, GROUP_ROWS):
            rows = batch.slice(start, GROUP_ROWS).to_pylist()
            for one in self._score(writer, rows):
                row = self._model.privacy.stored(msgspec.json.encode(rows[one.position])).decode()
                refused.append(
                    {"row": number * PART_ROWS + start + one.position, "reason": one.reason, "input": row}
                )
        folder = folder_of(self._model.name, self._scoring)
        return Part(
            number=number,
            digest=digest,
            rows=batch.num_rows,
            predictions=self._put_predictions(f"{folder}{number:05d}", writer),
            refused=self._put_refused(f"{folder}refused/{number:05d}", refused),
        )

    def _score(self, writer: InferenceWriter, rows: list[dict[str, Any]]) -> list[Refusal]:
        """Add the predictions for some rows; returns the rows that got none."""
        started = time.perf_counter_ns()
        found = sound(self._model, rows)
        records, outputs, failed = self._outputs(found.records)
        inferences = self._inferences(records, outputs, started)
        writer.add(inferences, self._columns.of(outputs) if inferences else ())
        late = [Refusal(found.positions[at], reason) for at, reason in failed]
        return sorted([*found.refused, *late], key=lambda one: one.position)

    def _outputs(
        self, records: list[msgspec.Struct]
    ) -> tuple[list[msgspec.Struct], list[bytes], list[tuple[int, str]]]:
        """The outputs of those records that get one, and why others do not: out of the protocol's bounds."""
        if not records:
            return [], [], []
        try:
            return records, self._model.outputs(records), []
        except PulseError as error:
            if error.code != "model.output":
                raise
            if len(records) == 1:
                return [], [], [(0, error.message)]
        middle = len(records) // 2
        first, second = self._outputs(records[:middle]), self._outputs(records[middle:])
        failed = [*first[2], *((middle + at, reason) for at, reason in second[2])]
        return first[0] + second[0], first[1] + second[1], failed

    def _inferences(
        self, records: Sequence[msgspec.Struct], outputs: Sequence[bytes], started: int
    ) -> list[InferenceTuple]:
        """Rows as the runtime would write them; the time of the whole batch is shared out evenly."""
        model, now = self._model, time.time_ns() // 1000
        latency = (time.perf_counter_ns() - started) // 1000 // max(1, len(records))
        made = sorted(new_inference_id() for _ in records)
        rows: list[InferenceTuple] = []
        for inference, record, output in zip(made, records, outputs, strict=True):
            answer = model.answer(record, output)
            event_time, source_key = model.encoder.origin(record)
            rows.append(
                (
                    inference, now, event_time, source_key, model.id, answer.input, answer.output_text,
                    answer.input_sha256, answer.output_sha256, latency, 0,
                )
            )  # fmt: skip
        return rows

    def _put_predictions(self, stem: str, writer: InferenceWriter) -> InferenceFile | None:
        data, sha256 = writer.finish()
        if not writer.rows:
            return None
        key = f"{stem}-{sha256[:12]}.parquet"
        self._store.put(key, data)
        return writer.described(key, sha256, len(data), self._scoring)

    def _put_refused(self, stem: str, rows: list[dict[str, Any]]) -> RefusedFile | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not rows:
            return None
        sink = io.BytesIO()
        schema = pa.schema([("row", pa.int64()), ("reason", pa.string()), ("input", pa.string())])
        pq.write_table(pa.Table.from_pylist(rows, schema), sink, compression="zstd", store_schema=False)
        data = sink.getvalue()
        sha256 = hashlib.sha256(data).hexdigest()
        key = f"{stem}-{sha256[:12]}.parquet"
        self._store.put(key, data)
        return RefusedFile(key=key, sha256=sha256, rows=len(rows))
