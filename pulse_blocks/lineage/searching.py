"""Which rows of which chunks meet a condition?

The condition is an SQL expression, read by polars' own parser over the columns of the chunks: never a query,
never eval. A chunk that several snapshots share is read once.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.rules.expressions import by_row
from pulse_blocks.protocol.sql import bare
from pulse_blocks.records import Chunk, Snapshot
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import polars as pl


class Hits(msgspec.Struct, frozen=True):
    """What of a snapshot meets the condition: the sha256 of chunks, and row numbers (NumPy int64, sorted)."""

    chunks: list[str]
    rows: Any


class Search:
    """One condition, asked of chunks. ``problems`` says what could not be asked."""

    def __init__(self, store: Store, condition: str) -> None:
        """Raises PulseError ``lineage.condition`` where the condition is no expression over columns."""
        self._store = store
        self._condition = condition
        self._expression = parsed(condition)
        self._columns = list(dict.fromkeys(self._expression.meta.root_names()))
        if not self._columns:
            raise _refusal(condition, "it names no column")
        self._known: dict[str, Any] = {}
        self._asked = False
        self._lacking: list[str] = []
        self.problems: list[str] = []

    def in_snapshot(self, snapshot: Snapshot) -> Hits:
        """The rows of a snapshot that meet the condition, as far as it can be read."""
        import numpy as np

        chunks: list[str] = []
        parts, begin = [np.empty(0, np.int64)], 0
        for done, chunk in enumerate(snapshot.chunks if self._can_ask(snapshot) else (), 1):
            positions = self._in_chunk(chunk)
            if len(positions):
                chunks.append(chunk.sha256)
                parts.append(positions.astype(np.int64) + begin)
            begin += chunk.rows
            progress.report("search", done, len(snapshot.chunks), snapshot.id)
        return Hits(chunks, np.concatenate(parts))

    def result(self) -> dict[str, Any]:
        """``matching`` rows and the ``chunks`` that hold them, each counted once, and ``problems``.

        Raises PulseError where no snapshot has the columns.
        """
        if self._lacking and not self._asked:
            raise _refusal(self._condition, self._lacking[0])
        counts = [len(positions) for positions in self._known.values() if len(positions)]
        problems = [*self.problems]
        if self._lacking:
            more = f", nor have {len(self._lacking) - 1} others" if len(self._lacking) > 1 else ""
            problems.append(f"Not asked: {self._lacking[0]}{more}.")
        found = {"matching": sum(counts), "chunks": len(counts)}
        return {**found, "problems": problems} if problems else found

    def _can_ask(self, snapshot: Snapshot) -> bool:
        names = {column.name for column in snapshot.columns}
        if lacking := [name for name in self._columns if name not in names]:
            near = difflib.get_close_matches(lacking[0], names, n=1)
            nearest = f" (the nearest is {near[0]})" if near else ""
            self._lacking.append(f"{snapshot.id} has no column {lacking[0]}{nearest}")
            return False
        self._asked = True
        return True

    def _in_chunk(self, chunk: Chunk) -> Any:
        """Positions in the chunk, as NumPy uint32."""
        if chunk.sha256 not in self._known:
            self._known[chunk.sha256] = self._asked_of(chunk)
        return self._known[chunk.sha256]

    def _asked_of(self, chunk: Chunk) -> Any:
        import numpy as np
        import polars as pl

        from pulse_blocks.snapshots.reading import read_chunk

        try:
            table: Any = read_chunk(self._store, chunk, self._columns)
        except UnavailableError:
            raise
        except PulseError as error:
            self.problems.append(error.message)
            return np.empty(0, np.uint32)
        frame: Any = pl.from_arrow(table)
        if not by_row(self._expression, self._condition, frame.schema):
            raise _refusal(self._condition, "it looks at more than one row at a time")
        try:
            holds = frame.select(self._expression.alias("holds")).to_series()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise _refusal(self._condition, str(error)) from None
        if holds.dtype != pl.Boolean:
            raise _refusal(self._condition, f"it gives {holds.dtype}, not true or false")
        return np.flatnonzero(holds.fill_null(False).to_numpy()).astype(np.uint32)


def parsed(condition: str) -> pl.Expr:
    """The expression. Raises PulseError where it is none."""
    import polars as pl

    if re.search(r"\bselect\b", bare(condition), re.IGNORECASE):
        raise _refusal(condition, "it holds a query")
    try:
        return pl.sql_expr(condition)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _refusal(condition, str(error)) from None


def _refusal(condition: str, reason: str) -> PulseError:
    first_line = reason.strip().splitlines()[0] if reason.strip() else "it cannot be read"
    return PulseError(
        "lineage.condition",
        f"The condition {condition!r} cannot be asked: {first_line.rstrip('.')}.",
        "Write an SQL expression over columns, such as: flight_id in ('UA-1545', 'UA-1714').",
    )
