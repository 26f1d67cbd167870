"""Arrow IPC streams: many records at once, in and out. pyarrow is imported with the first of them."""

from __future__ import annotations

import itertools
import math
import struct
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pulse_blocks.protocol.requests import FieldProblem
from pulse_blocks.serving.bodies import columns, invalid
from pulse_blocks.serving.dialects.arrow_messages import check
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal

# A column of nulls takes no bytes however long it is.
MOST_ROWS = 200_000
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
                if rows > MOST_ROWS:
                    raise Refusal(
                        413, "request.too_large", f"The stream has more than {MOST_ROWS:,} rows.",
                        "Send less in a request.",
                    )  # fmt: skip
                batch.validate(full=True)
                batches.append(batch)
            return pa.Table.from_batches(batches, stream.schema)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError) as error:
        raise Refusal(
            400, "request.arrow", f"The body is no Arrow stream: {str(error).splitlines()[0][:200]}.",
            "Send one Arrow IPC stream, without compression.",
        ) from None  # fmt: skip


def _values(name: str, column: pa.ChunkedArray) -> list[Any]:
    """The values as JSON would have them."""
    kind = column.type
    if pa.types.is_nested(kind):
        raise invalid([FieldProblem(f"columns.{name}", f"Expected plain values, got {kind}.")])
    if pa.types.is_dictionary(kind):
        # Each value of the dictionary becomes one object, however often it is used.
        return [value for chunk in column.chunks for value in _looked_up(chunk)]
    plain = [_plain(chunk) for chunk in column.chunks]
    if None not in plain:
        return list(itertools.chain.from_iterable(plain))  # type: ignore[arg-type]
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    values: list[Any] = column.to_pylist()
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


def _looked_up(chunk: pa.DictionaryArray) -> list[Any]:
    values, indices = chunk.dictionary.to_pylist(), chunk.indices
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
