"""One model under watch: its window as sketches, filled from the ledger when it begins and from then on by answers."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple

from pulse_blocks.drift.decoding import answers
from pulse_blocks.drift.measuring import weighed_share
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.windows import latest_time
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.tripwire.finding import LiveDrift
from pulse_blocks.serving.tripwire.intake import Taken
from pulse_blocks.serving.tripwire.judging import findings
from pulse_blocks.serving.tripwire.panes import PANES, Panes
from pulse_blocks.sketches.reference import DriftReference

MOST_RECALLED = 10_000
# So many rows take about a millisecond of the interpreter.
SLICE = 100
_SECOND, _HOUR = 1_000_000, 3_600_000_000
# A part of a window is not like calm windows: a day has its own weather. It must be nearly whole.
_NEARLY_WHOLE = (PANES - 2) / PANES

# Event time, features in their order, output as JSON.
Row = tuple[int, Sequence[Any], str]


class Watched:
    """What one process knows of one model, its window being ``panes``. Used by one thread."""

    def __init__(self, model: Model, reference: DriftReference) -> None:
        self.id = model.id
        self.began = time.time_ns() // 1000
        self._decode = model.decode
        self._protocol, self._reference = model.protocol, reference
        window = self._protocol.monitoring.window
        seconds = (window.days or 0) * 86_400 + (window.hours or 0) * 3_600
        # Positions are event times, or numbers of rows where a window is so many of them.
        self._by_time = window.rows is None
        self._length = seconds * _SECOND if window.rows is None else window.rows
        fields = self._protocol.features.values()
        words = [field.type in ("category", "bool") for field in fields]
        self._classes = (
            tuple(map(str, self._protocol.target.values or ()))
            if self._protocol.task == "multiclass-classification"
            else None
        )
        self.panes = Panes([*words, self._classes is not None], self._length)
        self._number = 0
        self._newest = 0

    def recall(self, ledger: Ledger) -> Iterator[Sequence[Row]]:
        """The newest rows of the ledger, in slices: a restart must not make it forget. Raises PulseError.

        Rows with private columns are left out: the ledger does not have their values. A look at the whole window would
        be a scan of the table, and keep whoever else reads the ledger in this process waiting.
        """
        rows = ledger.latest_observed(self.id, MOST_RECALLED)
        for at in range(0, len(rows), SLICE):
            yield [
                (one.time, astuple(record), one.output)
                for one in rows[at : at + SLICE]
                if (record := self._record(one.input)) is not None
            ]

    def _record(self, text: str) -> msgspec.Struct | None:
        try:
            record: msgspec.Struct = self._decode(text)
        except (msgspec.MsgspecError, PulseError):
            return None
        return record

    def fresh(self, taken: Sequence[Taken]) -> Iterator[Sequence[Row]]:
        """Of what was answered, what is this model's and was not in the ledger when it began, in slices."""
        for at in range(0, len(taken), SLICE):
            yield [
                (row[1] if row[2] is None else row[2], astuple(record), row[6])
                for model, record, row in taken[at : at + SLICE]
                if model == self.id and row[1] >= self.began
            ]

    def add(self, rows: Sequence[Row]) -> int:
        """Take rows into the window; returns how many of them belong to it."""
        latest = latest_time()
        rows = [row for row in rows if row[0] <= latest]
        if not rows:
            return 0
        columns = len(self._protocol.features)
        times = [row[0] for row in rows]
        positions = times if self._by_time else range(self._number, self._number + len(rows))
        said = self._answers([row[2] for row in rows])
        values = [(*row[1][:columns], answer) for row, answer in zip(rows, said, strict=True)]
        self._number += len(rows)
        self._newest = max(self._newest, *times)
        return self.panes.add(positions, values)

    def _answers(self, outputs: Sequence[str]) -> list[Any]:
        found: list[float] = answers(self._protocol, [msgspec.json.decode(text) for text in outputs]).tolist()
        if self._classes is None:
            return found
        return [None if math.isnan(number) else self._classes[int(number)] for number in found]

    def verdict(self) -> LiveDrift | None:
        """The verdict on the window that ends with the newest row; None while it has too few, or is far from whole."""
        spec, reference, whole = self._protocol.monitoring, self._reference, self.panes.together()
        if whole.rows < spec.min_rows or whole.greatest - whole.least < self._length * _NEARLY_WHOLE:
            return None
        known = [reference.features[name] for name in self._protocol.features]
        equal = 1.0 / len(known) if spec.features.weights == "equal" else None
        asked = [
            (column, one, equal or one.weight) for column, one in zip(whole.columns, known, strict=False)
        ]
        features = dict(
            zip(
                self._protocol.features,
                findings(asked, reference, spec.features.threshold),
                strict=True,
            )
        )
        answer = (whole.columns[-1], reference.prediction, 1.0)
        (prediction,) = findings([answer], reference, spec.prediction.threshold)
        share = weighed_share(features)
        return LiveDrift(
            model=self.id,
            end=self._newest,
            period=self._newest // (self._length if self._by_time else _HOUR),
            rows=whole.rows,
            share=share,
            features=features,
            prediction=prediction,
            drifted=share >= spec.features.share or prediction.drifted,
        )
