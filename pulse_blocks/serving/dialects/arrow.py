"""Arrow IPC streams: many records at once, in and out. pyarrow is imported with the first of them."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pulse_blocks.protocol.problems import shown
from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.bodies import columns, invalid
from pulse_blocks.serving.dialects import arrow_sizes
from pulse_blocks.serving.dialects.arrow_messages import check
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal

# By Arrow's name of a type, how memoryview reads it.
_CODES = {
    "double": "d", "float": "f", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H",
    "uint32": "I", "uint64": "Q",
}  # fmt: skip


def records(model: Model, body: bytes) -> list[msgspec.Struct]:
    """The rows of a stream. Raises Refusal 400, 413 or 422; a NaN is a null."""
    table = _table(body)
    names = table.column_names
    if len(set(names)) < len(names):
        raise invalid([FieldProblem("columns", "A column is there twice.")])
    arrow_sizes.check(table)
    found = {name: _values(name, table.column(name)) for name in names}
    if not table.num_rows:
        raise invalid([FieldProblem("columns", "At least one record is needed.")])
    return columns(model, found, "columns")


def _table(body: bytes) -> pa.Table:
    check(body)
    batches, rows = [], 0
    try:
        with pa.ipc.open_stream(body) as stream:
            for batch in stream:
                rows += batch.num_rows
                if rows > arrow_sizes.MOST_ROWS:
                    raise arrow_sizes.rows_limit()
                batch.validate(full=True)
                batches.append(batch)
            return pa.Table.from_batches(batches, stream.schema)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise Refusal(
            400, "request.arrow", f"The body is no Arrow stream: {str(error).splitlines()[0][:200]}.",
            "Send one Arrow IPC stream, without compression.",
        ) from None  # fmt: skip


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    """The values as JSON would have them. Raises Refusal 422 for a date that Python has none for, and the like."""
    try:
        return list(itertools.chain.from_iterable(map(_decoded, column.chunks)))
    except (pa.ArrowException, ArithmeticError, LookupError, ValueError):
        what = f"Has a value that cannot be read as {shown(column.type)}."
        raise invalid([FieldProblem(f"columns.{name}", what)]) from None


def _decoded(chunk: pa.Array) -> list[Any]:
    kind = chunk.type
    if pa.types.is_dictionary(kind):
        return _looked_up(chunk.dictionary, chunk.indices)
    if pa.types.is_run_end_encoded(kind):
        return _looked_up(chunk.values, arrow_sizes.runs(chunk))
    plain = _plain(chunk)
    if plain is not None:
        return plain
    if pa.types.is_floating(kind):
        chunk = pc.if_else(pc.is_nan(chunk), None, chunk)
    values: list[Any] = chunk.to_pylist()
    return values


def _plain(chunk: pa.Array) -> list[Any] | None:
    """The numbers of an array straight from its buffer; None where it holds anything else, a null or a NaN."""
    code = _CODES.get(str(chunk.type))
    if code is None or chunk.null_count or not len(chunk):
        return None
    size = struct.calcsize(code)
    data = memoryview(chunk.buffers()[1])[chunk.offset * size : (chunk.offset + len(chunk)) * size]
    values: list[Any] = data.cast(code).tolist()  # type: ignore[call-overload]
    # A sum is NaN where one of them is (or where there is no telling).
    return None if math.isnan(sum(values)) else values


def _looked_up(dictionary: pa.Array, indices: pa.Array) -> list[Any]:
    """Each value of the dictionary becomes one object, however often it is used."""
    values = _decoded(dictionary)
    return [None if at is None else values[at] for at in _plain(indices) or indices.to_pylist()]


def stream(job: Job) -> bytes:
    """The replies as a stream of one batch, a column for each key; a class's probability is its own column."""
    replies = [_flat(reply) for reply in msgspec.json.decode(b"[%b]" % b",".join(job.replies))]
    batch = pa.RecordBatch.from_pydict({name: [reply.get(name) for reply in replies] for name in replies[0]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _flat(reply: dict[str, Any]) -> dict[str, Any]:
    if "probabilities" not in reply:
        return reply
    return {
        **{key: value for key, value in reply.items() if key != "probabilities"},
        **reply["probabilities"],
    }
