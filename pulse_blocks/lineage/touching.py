"""These rows of the source were wrong: which snapshots hold them, and which models and predictions stand on those?

The condition is an SQL expression, read by polars' own parser over the columns of the chunks: never a query,
never eval. A chunk that several snapshots share is read once.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pulse_blocks import progress
from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.ids import kind_of
from pulse_blocks.lineage import resolving, standing
from pulse_blocks.lineage.graph import Sketch
from pulse_blocks.lineage.node import Places
from pulse_blocks.protocol.sql import bare
from pulse_blocks.records import Chunk, Snapshot

if TYPE_CHECKING:
    import polars as pl


def rows(sketch: Sketch, places: Places, condition: str, within: str | None = None) -> str:
    """Draw what holds the rows that meet ``condition``, and what stands on it; returns the root.

    ``within`` narrows the search to a datasource or a snapshot. Raises PulseError ``lineage.condition`` where
    the condition cannot be evaluated, in words that say why. A snapshot that cannot be asked is told.
    """
    search = Search(places, condition)
    descent, models = standing.Descent(places), []
    holding = 0
    for snapshot in _snapshots(places, within, search):
        found = search.in_snapshot(snapshot)
        if not found:
            continue
        models += descent.snapshot(sketch, snapshot.id)
        sketch.add("snapshot", snapshot.id, {"matching": sum(found.values()), "chunks": list(found)})
        sketch.link(snapshot.id, "holds", condition)
        holding += 1
    facts = {**search.result(), "snapshots": holding, "standing": standing.standing(places, models)}
    sketch.add("rows", condition, facts)
    return condition


class Search:
    """One condition, asked of chunks. ``problems`` says what could not be asked."""

    def __init__(self, places: Places, condition: str) -> None:
        self._store = places.store
        self._condition = condition
        self._expression = parsed(condition)
        self._columns = list(dict.fromkeys(self._expression.meta.root_names()))
        if not self._columns:
            raise _refusal(condition, "it names no column")
        self._known: dict[str, int] = {}
        self._asked = False
        self._lacking: list[str] = []
        self.problems: list[str] = []

    def in_snapshot(self, snapshot: Snapshot) -> dict[str, int]:
        """How many rows each chunk of a snapshot holds that meet the condition, by the chunk's sha256."""
        names = {column.name for column in snapshot.columns}
        if lacking := [name for name in self._columns if name not in names]:
            near = difflib.get_close_matches(lacking[0], names, n=1)
            nearest = f" (the nearest is {near[0]})" if near else ""
            self._lacking.append(f"{snapshot.id} has no column {lacking[0]}{nearest}")
            return {}
        self._asked = True
        found = {}
        for done, chunk in enumerate(snapshot.chunks, 1):
            if matching := self._in_chunk(chunk):
                found[chunk.sha256] = matching
            progress.report("search", done, len(snapshot.chunks), snapshot.id)
        return found

    def result(self) -> dict[str, Any]:
        """``matching`` rows and the ``chunks`` that hold them, each counted once, and ``problems``.

        Raises PulseError where no snapshot has the columns.
        """
        if self._lacking and not self._asked:
            raise _refusal(self._condition, self._lacking[0])
        hits = [matching for matching in self._known.values() if matching]
        problems = [*self.problems]
        if self._lacking:
            more = f", nor have {len(self._lacking) - 1} others" if len(self._lacking) > 1 else ""
            problems.append(f"Not asked: {self._lacking[0]}{more}.")
        found = {"matching": sum(hits), "chunks": len(hits)}
        return {**found, "problems": problems} if problems else found

    def _in_chunk(self, chunk: Chunk) -> int:
        if chunk.sha256 not in self._known:
            self._known[chunk.sha256] = self._count(chunk)
        return self._known[chunk.sha256]

    def _count(self, chunk: Chunk) -> int:
        import polars as pl

        from pulse_blocks.snapshots.reading import read_chunk

        try:
            table: Any = read_chunk(self._store, chunk, self._columns)
        except UnavailableError:
            raise
        except PulseError as error:
            self.problems.append(error.message)
            return 0
        frame = pl.from_arrow(table)
        try:
            holds = frame.select(self._expression.alias("holds")).to_series()  # type: ignore[union-attr]
        except pl.exceptions.PolarsError as error:
            raise _refusal(self._condition, str(error)) from None
        if holds.dtype != pl.Boolean:
            raise _refusal(self._condition, f"it gives {holds.dtype}, not true or false")
        if holds.len() != table.num_rows:
            raise _refusal(self._condition, "it gives one value for all rows, not one for each row")
        return int(holds.sum() or 0)


def parsed(condition: str) -> pl.Expr:
    """The expression. Raises PulseError where it is none."""
    import polars as pl

    if re.search(r"\bselect\b", bare(condition), re.IGNORECASE):
        raise _refusal(condition, "it holds a query")
    try:
        return pl.sql_expr(condition)
    except pl.exceptions.PolarsError as error:
        raise _refusal(condition, str(error)) from None


def _snapshots(places: Places, within: str | None, search: Search) -> Iterator[Snapshot]:
    """Those to be searched, the newest first; a manifest that cannot be read is told."""
    from pulse_blocks.snapshots.reading import load

    if within is None:
        wanted = resolving.snapshot_ids(places)
    elif kind_of(within) == "snapshot":
        wanted = [resolving.snapshot_id(places, within)]
    else:
        wanted = standing.snapshots_of(places, within)
        if not wanted:
            raise resolving.no_id(places, within)
    for one in wanted:
        try:
            yield load(places.store, one)
        except UnavailableError:
            raise
        except PulseError as error:
            search.problems.append(error.message)


def _refusal(condition: str, reason: str) -> PulseError:
    first_line = reason.strip().splitlines()[0] if reason.strip() else "it cannot be read"
    return PulseError(
        "lineage.condition",
        f"The condition {condition!r} cannot be asked: {first_line.rstrip('.')}.",
        "Write an SQL expression over columns, such as: flight_id in ('UA-1545', 'UA-1714').",
    )
