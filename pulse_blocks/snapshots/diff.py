"""What differs between two snapshots. Chunks that both hold are not read, and memory holds a part of the rest.

The rows of all other chunks become fingerprints in temporary files, parted by their key, 32 bytes a row; the parts are
compared one after the other.
"""

from __future__ import annotations

import heapq
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulse_blocks import progress
from pulse_blocks.records import Chunk, Column, Record, Snapshot
from pulse_blocks.snapshots.fingerprints import Parts, fingerprints
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store

if TYPE_CHECKING:
    import numpy as np

    Rows = np.ndarray[Any, Any]

EXAMPLES = 5


class Example(Record, frozen=True, kw_only=True):
    """One row. ``key`` are its key's columns, ``before`` and ``after`` those that differ (or all others)."""

    key: dict[str, Any]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class SchemaChange(Record, frozen=True, kw_only=True):
    """One column that is not the same in both; None where it is not there."""

    column: str
    before: str | None
    after: str | None


class SnapshotDiff(Record, frozen=True, kw_only=True):
    """What it takes to come from ``before`` to ``after`` (ids).

    ``changed`` counts rows of one key with other values in a column that both snapshots have; without a common
    ``key`` a changed row is one that was removed and one that was added. Without a column in common every row is.
    ``shared`` and ``read`` count chunks.
    Of each kind there are at most five examples, the first in the order of the snapshot.
    """

    before: str
    after: str
    key: tuple[str, ...]
    added: int
    removed: int
    changed: int
    schema: tuple[SchemaChange, ...]
    shared: int
    read: int
    examples: dict[str, tuple[Example, ...]]


def diff(store: Store, before: Snapshot, after: Snapshot) -> SnapshotDiff:
    """Compare two snapshots. Raises PulseError for a chunk that is missing or damaged, as reading does."""
    common = _common(before, after)
    key = after.key if set(after.key) <= set(common) else ()
    old, new = _unshared(before, after)
    found = _Found(_Side(store, old, common), _Side(store, new, common), key or common)
    if common:
        _compare(found, old, new)
    else:  # nothing to compare by: no row of the one is a row of the other
        found.removed, found.added = before.rows, after.rows
    return SnapshotDiff(
        before=before.id,
        after=after.id,
        key=key,
        added=found.added,
        removed=found.removed,
        changed=found.changed,
        schema=_schema(before, after),
        shared=len(after.chunks) - len(new),
        read=len(old) + len(new) if common else 0,
        examples=found.examples(),
    )


def _compare(found: _Found, old: Sequence[Chunk], new: Sequence[Chunk]) -> None:
    """Count the rows of these chunks of both sides."""
    with tempfile.TemporaryDirectory(prefix="pulse-diff-") as name:
        parts = Parts(Path(name), sum(chunk.rows for chunk in (*old, *new)))
        done = 0
        for side in (found.before, found.after):
            for rows in side.fingerprints(found.key):
                parts.add("before" if side is found.before else "after", rows)
                done += 1
                progress.report("diff", done, len(old) + len(new), f"{done:,} chunks")
        for part in range(parts.count):
            found.add(parts.read("before", part), parts.read("after", part))


class _Side:
    """The chunks of one snapshot that the other does not share."""

    def __init__(self, store: Store, chunks: Sequence[Chunk], columns: tuple[str, ...]) -> None:
        self._store, self._chunks, self._columns = store, chunks, columns

    def fingerprints(self, key: Sequence[str]) -> Iterator[Rows]:
        """Those of each chunk's rows."""
        rest = [name for name in self._columns if name not in key]
        for number, chunk in enumerate(self._chunks):
            yield fingerprints(read_chunk(self._store, chunk, self._columns), key, rest, number)

    def row(self, at: int) -> dict[str, Any]:
        """The values of one row, by its ``at``."""
        table = read_chunk(self._store, self._chunks[at >> 32], self._columns)
        return dict(table.slice(at & (2**32 - 1), 1).to_pylist()[0])


class _Found:
    """Counts, and the first rows of each kind."""

    def __init__(self, before: _Side, after: _Side, key: tuple[str, ...]) -> None:
        self.before, self.after, self.key = before, after, key
        self.added = self.removed = self.changed = 0
        self._first: dict[str, list[tuple[int, ...]]] = {"added": [], "removed": [], "changed": []}

    def add(self, before: Rows, after: Rows) -> None:
        """Take in one part of the rows."""
        import numpy as np

        from pulse_blocks.snapshots.pairing import compared

        removed, added, changed = compared(before, after)
        self.removed += len(removed)
        self.added += len(added)
        self.changed += len(changed)
        for kind, places in (("removed", removed[:, None]), ("added", added[:, None]), ("changed", changed)):
            some = places[np.argsort(places[:, -1])[:EXAMPLES]]
            more = [tuple(map(int, place)) for place in some]
            self._first[kind] = heapq.nsmallest(EXAMPLES, [*self._first[kind], *more], key=lambda at: at[-1])

    def examples(self) -> dict[str, tuple[Example, ...]]:
        """Read the rows themselves."""
        first = self._first
        return {
            "removed": tuple(self._example(self.before.row(at[0]), None) for at in first["removed"]),
            "added": tuple(self._example(None, self.after.row(at[0])) for at in first["added"]),
            "changed": tuple(
                self._example(self.before.row(at[0]), self.after.row(at[1])) for at in first["changed"]
            ),
        }

    def _example(self, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Example:
        row = after or before or {}
        names = [name for name in row if name not in self.key]
        if before and after:
            names = [name for name in names if before[name] != after[name]]
        return Example(
            key={name: row[name] for name in self.key},
            before={name: before[name] for name in names} if before else None,
            after={name: after[name] for name in names} if after else None,
        )


def _common(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Columns that both hold in the same form."""
    held = {column.name: column.type for column in before.columns}
    return tuple(column.name for column in after.columns if held.get(column.name) == column.type)


def _unshared(before: Snapshot, after: Snapshot) -> tuple[list[Chunk], list[Chunk]]:
    """The chunks that only one of them holds, by the content of their rows."""
    return _surplus(before, after), _surplus(after, before)


def _surplus(held: Snapshot, other: Snapshot) -> list[Chunk]:
    """The chunks of the one that the other does not hold, or not as often."""
    left = Counter(chunk.digest for chunk in other.chunks)
    surplus = []
    for chunk in held.chunks:
        if left[chunk.digest]:
            left[chunk.digest] -= 1
        else:
            surplus.append(chunk)
    return surplus


def _schema(before: Snapshot, after: Snapshot) -> tuple[SchemaChange, ...]:
    old, new = ({column.name: _said(column) for column in one.columns} for one in (before, after))
    names = dict.fromkeys([*old, *new])
    return tuple(
        SchemaChange(column=name, before=old.get(name), after=new.get(name))
        for name in names
        if old.get(name) != new.get(name)
    )


def _said(column: Column) -> str:
    return f"{column.type}, nullable" if column.nullable else column.type
