"""A model's inferences by event time, wherever they are: in the ledger, in batch scorings, in archives.

The ledger knows from when to when the rows of a file are, so that only files which a window reaches into are read.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

import msgspec

from pulse_blocks.archive import reading
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.inference_files import InferenceFile
from pulse_blocks.ledger.windows import Labelled, Observed, latest_time, part
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
_EVER = -(1 << 62), 1 << 62


class Counted(msgspec.Struct, frozen=True):
    """How many inferences a window has, and how many of it at most were in files that retention has deleted."""

    rows: int
    deleted: int


class ModelAnswers:
    """What one model was asked and answered. Windows are ``start <= t < end``, in microseconds since 1970.

    Every method raises PulseError ``archive.corrupt`` or ``store.missing`` where a file cannot be believed.
    """

    def __init__(self, ledger: Ledger, store: Store, model: str) -> None:
        self._ledger, self._store, self._model = ledger, store, model

    def newest_time(self) -> int | None:
        """The newest event time that can be believed."""
        newest = self._ledger.newest_time(self._model)
        bounds = _EVER[0] if newest is None else newest + 1, latest_time() + 1
        for file in self._ledger.inference_files_within(self._model, *bounds):
            if file.deleted is None:
                times = self._times(file, bounds)
                newest = max(chain(times, () if newest is None else (newest,)), default=None)
        return newest

    def time_of_row(self, end: int, rows: int) -> tuple[int, int] | None:
        """The event time at which the last ``rows`` rows before ``end`` begin, and how many there are (up to it)."""
        bounds = _EVER[0], end
        times, files = self._settled(bounds, lambda: self._ledger.times_before(self._model, end, rows))
        for file in sorted(files, key=lambda one: -_last(one)):
            if len(times) >= rows and _last(file) < times[rows - 1]:
                break
            if file.deleted is None:
                found = (time for batch in self._rows(file, bounds) for time in batch["time"].to_pylist())
                times = heapq.nlargest(rows, chain(times, found))
        return (times[-1], len(times)) if times else None

    def count(self, start: int, end: int) -> Counted:
        """How many there are."""
        bounds = start, end
        rows, files = self._settled(bounds, lambda: self._ledger.rows_within(self._model, start, end))
        there = [file for file in files if file.deleted is None]
        for file in there:
            inside = file.first_time is not None and file.first_time >= start and _last(file) < end
            rows += (
                file.models[self._model] if inside else sum(len(batch) for batch in self._rows(file, bounds))
            )
        gone = sum(file.models[self._model] for file in files if file.deleted is not None)
        return Counted(rows, gone)

    def observed(self, start: int, end: int, most: int) -> list[Observed]:
        """The inferences of a window, by id; of more than about ``most`` a random part, the same each time."""
        border = part(self.count(start, end).rows, most)
        rows, files = self._settled(
            (start, end), lambda: self._ledger.observed(self._model, start, end, border)
        )
        for batch in self._filed(files, (start, end), border, ("input", "output")):
            found = zip(*(batch[name].to_pylist() for name in ("id", "time", "input", "output")), strict=True)
            rows += [Observed(id=i, time=t, input=text, output=out) for i, t, text, out in found]
        return sorted(rows, key=lambda row: row.id)

    def labelled(self, start: int, end: int, most: int) -> list[Labelled]:
        """Those that have a label, each with its newest one, by id; of too many a part, as above."""
        border = part(self.count(start, end).rows, most)
        rows, files = self._settled(
            (start, end), lambda: self._ledger.labelled(self._model, start, end, border)
        )
        for batch in self._filed(files, (start, end), border, ("output",)):
            outputs = dict(zip(batch["id"].to_pylist(), batch["output"].to_pylist(), strict=True))
            labels = self._ledger.latest_labels(list(outputs))
            rows += [Labelled(id=one, output=outputs[one], label=label) for one, label in labels.items()]
        return sorted(rows, key=lambda row: row.id)

    def _settled(self, bounds: tuple[int, int], read: Callable[[], T]) -> tuple[T, list[InferenceFile]]:
        """What is in the ledger and which files hold the rest, while nothing moved from the one to the other."""
        while True:
            files = self._ledger.inference_files_within(self._model, *bounds)
            found = read()
            if files == self._ledger.inference_files_within(self._model, *bounds):
                return found, files

    def _times(self, file: InferenceFile, bounds: tuple[int, int]) -> Iterator[int]:
        """The newest time of the model in a file; from the index where the file has no other model."""
        if len(file.models) == 1 and file.last_time is not None and file.last_time < bounds[1]:
            yield file.last_time
            return
        for batch in self._rows(file, bounds):
            yield from batch["time"].to_pylist()

    def _filed(
        self, files: Sequence[InferenceFile], bounds: tuple[int, int], border: str, names: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        for file in files:
            if file.deleted is None:
                yield from self._rows(file, bounds, border, names)

    def _rows(
        self, file: InferenceFile, bounds: tuple[int, int], border: str = "", names: Sequence[str] = ()
    ) -> Iterator[pa.RecordBatch]:
        """The model's rows of a file that are in a window (and in a part of it): id, time, and what is named."""
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in reading.batches(self._store, file, ["id", "at", "event_time", "model", *names]):
            time = pc.coalesce(batch["event_time"], batch["at"]).cast(pa.int64())
            wanted = [
                pc.equal(batch["model"], self._model),
                pc.greater_equal(time, bounds[0]),
                pc.less(time, bounds[1]),
            ]
            if border:
                wanted.append(pc.less(pc.utf8_slice_codeunits(batch["id"], -2), border))
            keep = wanted[0]
            for one in wanted[1:]:
                keep = pc.and_(keep, one)
            arrays = [batch["id"], time, *(batch[name] for name in names)]
            yield pa.RecordBatch.from_arrays(arrays, names=["id", "time", *names]).filter(keep)


def _last(file: InferenceFile) -> int:
    """The greatest event time of a file; one that is not known may be any."""
    return _EVER[1] if file.last_time is None else file.last_time
