"""Raw batches into canonical ones, with the row, column and value named where that fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.refusals import PRIVATE
from pulse_blocks.sources.arrow import BadValueError, conform, kind_of, shown
from pulse_blocks.sources.base import Query

if TYPE_CHECKING:
    import pyarrow as pa

Array = Any  # pa.Array; pyarrow carries no types
# In the place of a reader's own words, which may quote a value of a private column.
WITHHELD = (
    "a value cannot be read as the query asks. More is not told, since the protocol has private columns."
)
IN_THE_CLEAR = "Run the query by hand to see the value: a cast in it may not fit all rows."


def conform_batch(query: Query, schema: pa.Schema, arrays: Mapping[str, Sequence[Array]]) -> pa.RecordBatch:
    """A batch of canonical types. A column may come in parts; the first part that is not null counts.

    Raises PulseError("source.value").
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    done = []
    for column in query.columns:
        parts = arrays[column.name]
        try:
            values = [conform(part, kind_of(column)) for part in parts]
        except BadValueError as error:
            row = {name: _cell(arrays[name], error.row) for name in query.order}
            raise bad_value(query, column.name, error.value, row) from None
        done.append(pc.coalesce(*values) if len(values) > 1 else values[0])
    return pa.RecordBatch.from_arrays(done, schema=schema)


def _cell(parts: Sequence[Array], row: int) -> object:
    return next((shown(part, row) for part in parts if part[row].is_valid), None)


def bad_value(query: Query, column: str, value: object, row: dict[str, object]) -> PulseError:
    """The error for a value that its column cannot hold; ``row`` are time and key of the row.

    A private value is not repeated.
    """
    kind = next(each.field.type for each in query.columns if each.name == column)
    where = ", ".join(
        f"{name}={PRIVATE if name in query.private else held}" for name, held in row.items() if name != column
    )
    what = "a private value" if column in query.private else _short(value)
    return PulseError(
        "source.value",
        f"Datasource {query.datasource}: column {column} holds {what}"
        + (f" in the row {where}" if where else "")
        + f", which is no {kind}.",
        "Correct the data, cast or leave out such rows in the query, or change the column's type.",
    )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
