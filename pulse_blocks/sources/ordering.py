"""The canonical order of rows: time, keys, then all other columns where those are equal; nulls first.

A source sorts by time (or by its keys) as well as it can. What it cannot know, the order among rows of one time,
is settled here on canonical types: strings by their bytes, times as instants. That leaves one order for one set of
rows, whoever stored them. It takes the memory that the rows of one time need.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError

if TYPE_CHECKING:
    import pyarrow as pa

Array = Any  # pa.Array; pyarrow carries no types


def settle(
    batches: Iterable[pa.RecordBatch], order: tuple[str, ...], datasource: str
) -> Iterator[pa.RecordBatch]:
    """Batches in canonical order, from batches whose first column of ``order`` never descends.

    Raises PulseError where it does descend. Without ``order`` all rows are held in memory.
    """
    held: list[pa.RecordBatch] = []  # rows of one time, the last one seen
    for batch in batches:
        if not batch.num_rows:
            continue
        if not order:
            held.append(batch)
            continue
        lead = batch.column(order[0])
        before = held[-1].column(order[0])[-1:] if held else lead[:0]
        if not _ascends(before, lead):
            raise several_forms(datasource, order[0])
        border = _last_group(lead)
        if border:
            yield from in_order([*held, batch.slice(0, border)], order)
            held = [batch.slice(border)]
        elif held and before.equals(lead[:1]):
            held.append(batch)
        else:
            yield from in_order(held, order)
            held = [batch]
    yield from in_order(held, order)


def in_order(batches: list[pa.RecordBatch], order: tuple[str, ...]) -> list[pa.RecordBatch]:
    """The rows of some batches, sorted; not copied where they are already."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not batches:
        return []
    if order and all(_strictly(part, order) for part in batches) and _strictly(_seams(batches, order), order):
        return batches
    table = pa.Table.from_batches(batches).combine_chunks()
    if not all(_strictly(part, order) for part in table.to_batches()) or table.column(0).num_chunks > 1:
        by = [*order, *(name for name in table.column_names if name not in order)]
        keys = [(name, "ascending", "at_start") for name in by]
        table = table.take(pc.sort_indices(table, sort_keys=keys))
    return list(table.combine_chunks().to_batches())


def _seams(batches: list[pa.RecordBatch], order: tuple[str, ...]) -> pa.RecordBatch:
    """The first and the last row of each batch."""
    import pyarrow as pa

    ends = [batch.select(order) for batch in batches]
    rows = [end.slice(at, 1) for end in ends for at in dict.fromkeys((0, end.num_rows - 1))]
    return pa.concat_batches(rows)


def _strictly(batch: pa.RecordBatch, order: tuple[str, ...]) -> bool:
    """Whether each row comes after the one before it by ``order`` alone. Nulls are left to the sort."""
    import pyarrow.compute as pc

    if batch.num_rows < 2:
        return True
    tied: Array = None
    for name in order:
        column = batch.column(name)
        if column.null_count:
            return False
        first, second = column[:-1], column[1:]
        descends, equal = pc.greater(first, second), pc.equal(first, second)
        if tied is not None:
            descends, equal = pc.and_(tied, descends), pc.and_(tied, equal)
        if pc.any(descends).as_py():
            return False
        tied = equal
        if not pc.any(tied).as_py():
            return True
    return False


def _ascends(before: Array, lead: Array) -> bool:
    """Whether ``lead``, after the one or no value ``before`` it, never descends; nulls come first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = pa.concat_arrays([before, lead]) if len(before) else lead
    nulls = values.null_count
    if nulls and values[:nulls].null_count != nulls:
        return False
    values = values[nulls:]
    return not pc.any(pc.greater(values[:-1], values[1:])).as_py()


def _last_group(lead: Array) -> int:
    """Where the rows of the last value begin, in a column that never descends."""
    import pyarrow.compute as pc

    last = lead[-1]
    if not last.is_valid:
        return 0
    lower: int = pc.sum(pc.less(lead, last)).as_py() or 0
    return int(lead.null_count) + lower


def several_forms(datasource: str, column: str) -> PulseError:
    """The error for times as text that do not compare as the times they mean."""
    return PulseError(
        "source.order",
        f"Datasource {datasource} gives the times in {column} in several forms that do not sort as one.",
        f"Store {column} in one form, such as 2013-01-31 09:30:00.",
    )
