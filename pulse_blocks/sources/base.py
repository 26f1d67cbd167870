"""What a datasource is asked, and what it gives."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import ColumnSpec, all_columns
from pulse_blocks.protocol.spec import Protocol as Contract
from pulse_blocks.records import Window

if TYPE_CHECKING:
    import pyarrow as pa


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a protocol wants. ``sql`` may name ``:start`` and ``:end``, bound from ``window``.

    ``datasource`` is the name by which errors (and, for files, the query) call the source. ``columns`` are in
    the canonical order of a snapshot; ``time`` and ``key`` are among them.
    """

    datasource: str
    sql: str
    columns: tuple[ColumnSpec, ...]
    window: Window | None = None
    time: str | None = None
    key: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """The columns of the canonical order: time, then keys."""
        return tuple(dict.fromkeys(((self.time,) if self.time else ()) + self.key))

    @property
    def private(self) -> frozenset[str]:
        """The columns whose values no error may repeat: errors go to the ledger, to Prefect and to logs."""
        return frozenset(column.name for column in self.columns if column.field.private)


@dataclasses.dataclass(frozen=True)
class Rows:
    """A stream of rows in canonical types and order.

    ``batches`` can be read once; reading it raises PulseError for a value that its column cannot hold.
    ``total`` is the number of rows where the source told it. ``left_out`` are columns that the query gives and
    the protocol does not name.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    left_out: tuple[str, ...] = ()
    total: int | None = None


class Source(Protocol):
    """A place that rows are read from, and never written to."""

    def stream(self, query: Query) -> Rows:
        """The rows of a query. Raises PulseError for a query that cannot give them, UnavailableError where the
        source is out of reach, and PulseError("source.empty") where there is no row.
        """
        ...

    def test(self) -> str:
        """A sentence for people on what is there. Raises as ``stream`` does."""
        ...

    def peek(self, query: Query, most: int) -> pa.Table:
        """At most so many rows of a query, with all its columns in the source's own types.

        For a look at unknown data: ``query.columns`` are not asked for, ``query.time`` need not be known, and
        nothing is put into an order. Raises as ``stream`` does; no rows are no error.
        """
        ...


def query_for(protocol: Contract, window: Window | None) -> Query:
    """What a protocol asks of its datasource."""
    source = protocol.source
    return Query(
        datasource=source.datasource,
        sql=source.query,
        columns=all_columns(protocol),
        window=window,
        time=source.time,
        key=source.key,
    )


def check_columns(query: Query, given: list[str]) -> tuple[str, ...]:
    """The columns left out. Raises PulseError("source.columns_missing") naming those not given."""
    wanted = [column.name for column in query.columns]
    missing = [name for name in wanted if name not in given]
    if missing:
        near = {name: difflib.get_close_matches(name, given, n=1) for name in missing}
        named = ", ".join(f"{name} (nearest: {near[name][0]})" if near[name] else name for name in missing)
        raise PulseError(
            "source.columns_missing",
            f"The query on datasource {query.datasource} does not give {named}.",
            f"It gives {', '.join(given)}. Correct the query or the protocol's columns.",
        )
    return tuple(name for name in given if name not in wanted)


def not_empty(query: Query, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same stream, its first batch fetched at once. Raises PulseError("source.empty")."""
    first = next(batches, None)
    if first is None:
        window = query.window
        where = f" from {window.start} to {window.end}" if window else ""
        raise PulseError(
            "source.empty",
            f"The query on datasource {query.datasource} gives no rows{where}.",
            "Choose another window, or look at the query's conditions.",
        )
    return itertools.chain((first,), batches)
