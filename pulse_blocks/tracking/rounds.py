"""The metrics of each round while a model is fitted, in batches: a run can be watched at hardly any cost."""

from __future__ import annotations

import time
from collections.abc import Callable

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import Progress

# A batch costs some 20 ms on SQLite: every so many seconds that is a fraction of a per cent.
_EVERY_SECONDS = 5.0
_MOST = 900
# Step → metrics by name.
Batch = list[tuple[int, dict[str, float]]]


class RoundsLog:
    """A listener to progress that hands on what rounds say, a few seconds' worth at a time.

    What cannot be logged is left to the end of the training, where all rounds are logged anyway.
    """

    def __init__(self, log: Callable[[Batch], None]) -> None:
        self._log = log
        self._batch: Batch = []
        self._flushed = time.monotonic()
        self._broken = False

    def __call__(self, told: Progress) -> None:
        if told.stage != "train" or not told.metrics or self._broken:
            return
        self._batch.append((int(told.done), told.metrics))
        full = sum(len(metrics) for _, metrics in self._batch) >= _MOST
        if full or time.monotonic() - self._flushed >= _EVERY_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand on what has been heard."""
        batch, self._batch = self._batch, []
        if batch:
            try:
                self._log(batch)
            except PulseError:
                self._broken = True
        self._flushed = time.monotonic()
