"""Sketches of rows by column, in panes that together are a window: a window moves on by leaving out its oldest pane."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasketches import kll_doubles_sketch

from pulse_blocks.sketches.profile import KLL_K

# A window of seven days is seven panes of a day; the newest is filled just now, so a window is six to seven sevenths.
PANES = 7


class Numbers:
    """A KLL sketch of what is finite; all else counts as missing."""

    def __init__(self) -> None:
        self.rows = 0
        self.sketch = kll_doubles_sketch(KLL_K)

    @property
    def known(self) -> int:
        """Rows with a value."""
        return int(self.sketch.n)

    def add(self, values: Sequence[Any]) -> None:
        """Take in numbers, None where there is none."""
        self.rows += len(values)
        numbers = np.array(values, np.float64)
        finite = np.sort(numbers[np.isfinite(numbers)])
        if finite.size:
            self.sketch.update(finite)

    def merge(self, other: Numbers) -> None:
        """Take in what another one knows."""
        self.rows += other.rows
        self.sketch.merge(other.sketch)


class Words:
    """Counts by value, as text."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: Counter[str] = Counter()

    @property
    def known(self) -> int:
        """Rows with a value."""
        return self.counts.total()

    def add(self, values: Sequence[Any]) -> None:
        """Take in values, None where there is none."""
        self.rows += len(values)
        for value, count in Counter(values).items():
            if value is not None:
                self.counts[str(value).lower() if isinstance(value, bool) else str(value)] += count

    def merge(self, other: Words) -> None:
        """Take in what another one knows."""
        self.rows += other.rows
        self.counts.update(other.counts)


class Pane:
    """Some rows: a sketch for each column, and the ends of their positions."""

    def __init__(self, categorical: Sequence[bool]) -> None:
        """``categorical`` says of each column whether its values are words."""
        self.columns: list[Numbers | Words] = [Words() if words else Numbers() for words in categorical]
        self.least, self.greatest = math.inf, -math.inf

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.columns[0].rows

    def add(self, positions: Sequence[int], rows: Sequence[Sequence[Any]]) -> None:
        """Take in rows of as many values as there are columns."""
        self.least, self.greatest = min(self.least, *positions), max(self.greatest, *positions)
        for column, values in zip(self.columns, zip(*rows, strict=True), strict=True):
            column.add(values)

    def merge(self, other: Pane) -> None:
        """Take in another pane of the same columns."""
        self.least, self.greatest = min(self.least, other.least), max(self.greatest, other.greatest)
        for column, more in zip(self.columns, other.columns, strict=True):
            column.merge(more)  # type: ignore[arg-type]  # of the same kind: panes of one window


class Panes:
    """The newest panes of a window that is ``length`` long, in the unit of the rows' positions."""

    def __init__(self, categorical: Sequence[bool], length: int) -> None:
        self._categorical = categorical
        self._length = max(length // PANES, 1)
        self._panes: dict[int, Pane] = {}

    def add(self, positions: Sequence[int], rows: Sequence[Sequence[Any]]) -> int:
        """Take in rows, in any order; those that are older than the window are left out. Returns how many were not."""
        groups: dict[int, list[int]] = {}
        for at, position in enumerate(positions):
            groups.setdefault(position // self._length, []).append(at)
        oldest = max((*groups, *self._panes), default=0) - PANES + 1
        self._panes = {number: pane for number, pane in self._panes.items() if number >= oldest}
        taken = 0
        for number, members in groups.items():
            if number >= oldest:
                pane = self._panes.setdefault(number, Pane(self._categorical))
                pane.add([positions[at] for at in members], [rows[at] for at in members])
                taken += len(members)
        return taken

    def together(self) -> Pane:
        """All of the window as one pane."""
        whole = Pane(self._categorical)
        for pane in self._panes.values():
            whole.merge(pane)
        return whole
