"""What is read of a snapshot before the features: the labels, what rows are split by, what each counts."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from pulse_blocks.protocol.spec import Protocol, WeightsSpec
from pulse_blocks.records import Snapshot
from pulse_blocks.snapshots.overlap import overlapped
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store
from pulse_blocks.training.encoding import labels
from pulse_blocks.training.split import NO_GROUP

# A row without a time (where the protocol allows it) is never held out.
_BEFORE_ALL = -(2**31)


class Labelled(msgspec.Struct, frozen=True):
    """An entry for every row of the snapshot: labels (float64), ``keys`` as ``split.held_out`` wants, weights."""

    truth: np.ndarray
    keys: np.ndarray | None
    weights: np.ndarray | None


def read(protocol: Protocol, snapshot: Snapshot, store: Store) -> Labelled:
    """One pass over the few columns that this takes, chunk by chunk."""
    target, by = protocol.target.name, _split_column(protocol)
    weights = protocol.training.weights
    weight = weights.column if isinstance(weights, WeightsSpec) else None
    wanted = list(dict.fromkeys(name for name in (target, by, weight) if name is not None))
    truth, keys, counts = [], [], []
    for table in overlapped(lambda chunk: read_chunk(store, chunk, wanted), snapshot.chunks):
        truth.append(labels(table.column(target), protocol))
        if by is not None:
            keys.append(_keys(table.column(by), protocol))
        if weight is not None:
            counts.append(table.column(weight).cast(pa.float64(), safe=False).to_numpy())
    return Labelled(
        np.concatenate(truth),
        np.concatenate(keys) if keys else None,
        np.concatenate(counts) if counts else None,
    )


def _split_column(protocol: Protocol) -> str | None:
    split = protocol.training.split
    return protocol.source.time if split.by == "time" else split.column


def _keys(column: pa.ChunkedArray, protocol: Protocol) -> np.ndarray:
    split = protocol.training.split
    if split.by == "time":
        day = column.cast(pa.date32(), safe=False).cast(pa.int32())
        return np.asarray(pc.fill_null(day, _BEFORE_ALL).to_numpy())
    if split.by == "column":
        equal = pc.equal(column, pa.scalar(split.value, column.type))
        return np.asarray(pc.fill_null(equal, fill_value=False).to_numpy())
    return _groups(column)


def _groups(column: pa.ChunkedArray) -> np.ndarray:
    """A number for each value: xxh3 of its text, so that it depends neither on the chunk nor on other values."""
    coded = column.combine_chunks().dictionary_encode()
    numbers = [
        NO_GROUP if value is None else xxhash.xxh3_64_intdigest(str(value).encode()) % NO_GROUP
        for value in coded.dictionary.to_pylist()
    ]
    values = np.array([*numbers, NO_GROUP], np.uint64)
    return np.asarray(values[pc.fill_null(coded.indices, len(numbers)).to_numpy(zero_copy_only=False)])
