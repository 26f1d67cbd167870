"""What the stages have written into the ledger, as records."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pulse_blocks.lineage.node import Places
from pulse_blocks.records import (
    Record,
    RefusedModel,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
    from_json,
)

R = TypeVar("R", bound=Record)
_STAGES: dict[type[Record], str] = {
    SnapshotRef: "snapshot",
    TrainedModel: "train",
    RefusedModel: "refused",
    StoredModel: "store",
    ValidatedData: "validate",
}


def noted(places: Places, kind: type[R], id_prefix: str = "") -> list[R]:
    """The records of one kind whose id begins so, the oldest first.

    One that cannot be read is left out: ``pulse audit verify`` tells of it.
    """
    found = []
    for row in places.ledger.stage_rows(id_prefix, _STAGES[kind]):
        try:
            found.append(from_json(row.record, kind))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
    return found
