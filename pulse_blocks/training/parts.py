"""The two parts of a snapshot: rows to learn from and rows held out, without the quarantined ones."""

from __future__ import annotations

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData
from pulse_blocks.snapshots.reading import read_chunk
from pulse_blocks.stores.base import Store
from pulse_blocks.training.blocks import Blocks
from pulse_blocks.training.encoding import labels
from pulse_blocks.training.split import held_out
from pulse_blocks.validation import quarantined_rows

# A row without a time (where the protocol allows it) is never held out.
_BEFORE_ALL = -(2**31)


class Parts(msgspec.Struct, frozen=True):
    """Row numbers (sorted) and labels of both parts; ``blocks`` gives the features of any row."""

    blocks: Blocks
    train_rows: np.ndarray
    train_labels: np.ndarray
    test_rows: np.ndarray
    test_labels: np.ndarray


def prepare(protocol: Protocol, snapshot: Snapshot, validated: ValidatedData, store: Store) -> Parts:
    """Read labels and times, drop quarantined rows, split. Raises PulseError where a part cannot serve."""
    truth, days = _labels_and_days(protocol, snapshot, store)
    accepted = np.ones(truth.size, np.bool_)
    accepted[quarantined_rows(store, validated)] = False
    rows = np.flatnonzero(accepted)
    split = protocol.training.split
    test = held_out(split, protocol.training.seed, rows, None if days is None else days[rows])
    found = Parts(
        Blocks(store, snapshot.chunks, features(protocol)),
        rows[~test],
        truth[rows[~test]],
        rows[test],
        truth[rows[test]],
    )
    if protocol.task != "regression":
        _require_classes(protocol, "training", found.train_labels)
        _require_classes(protocol, "held-out", found.test_labels)
    return found


def _labels_and_days(
    protocol: Protocol, snapshot: Snapshot, store: Store
) -> tuple[np.ndarray, np.ndarray | None]:
    time, target = protocol.source.time, protocol.target.name
    by_time = time if protocol.training.split.by == "time" else None
    wanted = [target, by_time] if by_time else [target]
    truth, days = [], []
    for chunk in snapshot.chunks:
        table = read_chunk(store, chunk, wanted)
        truth.append(labels(table.column(target), protocol))
        if by_time:
            day = table.column(by_time).cast(pa.date32(), safe=False).cast(pa.int32())
            days.append(pc.fill_null(day, _BEFORE_ALL).to_numpy())
    return np.concatenate(truth), np.concatenate(days) if days else None


def _require_classes(protocol: Protocol, part: str, codes: np.ndarray) -> None:
    distinct = np.unique(codes)
    if distinct.size < 2:
        raise PulseError(
            "training.held_out" if part == "held-out" else "training.one_class",
            f"All {codes.size:,} rows of the {part} part have the same {protocol.target.name}.",
            "Widen the window, or split otherwise (training.split).",
        )
