"""What the stages have written down: records that can be read and agree with each other."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pulse_blocks.ledger.rows import StageRow
from pulse_blocks.lineage.audit.finding import Finding, Tally
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import (
    Arrival,
    Deployment,
    RawBatch,
    Record,
    RefusedModel,
    SnapshotRef,
    StoredModel,
    TrainedModel,
    ValidatedData,
    from_json,
)

# By stage: the record, and its field that the row is found by.
_RECORDS: dict[str, tuple[type[Record], str]] = {
    "ingest": (RawBatch, "content"),
    "snapshot": (SnapshotRef, "id"),
    "validate": (ValidatedData, "snapshot"),
    "train": (TrainedModel, "run"),
    "refused": (RefusedModel, "run"),
    "store": (StoredModel, "model"),
    "deploy": (Deployment, "model"),
    "arrive": (Arrival, "model"),
}
# A part of a batch scoring: what it has made is checked by its files.
_PART = "score "
# What a later stage says again of an earlier one's record.
_REPEATED = {
    ("validate", "train"): {"snapshot": "snapshot"},
    ("train", "store"): {
        name: name for name in ("run", "tracking_run", "model", "snapshot", "smoke", "lost")
    },
    ("store", "deploy"): {"model": "model", "run": "run", "snapshot": "snapshot"},
    ("snapshot", "validate"): {"id": "snapshot"},
    ("ingest", "snapshot"): {"content": "hash"},
    ("store", "arrive"): {name: name for name in ("model", "bundle_sha256", "snapshot")},
}


def check(places: Places, tally: Tally) -> Iterator[Finding]:
    """Of all attempts: an attempt's stages hand on the same ids."""
    attempts: dict[str, dict[str, Record]] = {}
    for row in places.ledger.stage_rows(""):
        if row.stage.startswith(_PART):
            continue
        tally["stages"] += 1
        record = _read(row)
        if isinstance(record, str):
            yield Finding(kind="stage", id=f"{row.attempt} {row.stage}", problem=record)
        else:
            attempts.setdefault(row.attempt, {})[row.stage] = record
    for attempt, records in attempts.items():
        for (before, after), fields in _REPEATED.items():
            if before not in records or after not in records:
                continue
            for name, again in fields.items():
                said, says = getattr(records[before], name), getattr(records[after], again)
                if said != says:
                    problem = f"{before} has noted the {name} {said}, and {after} {says}."
                    yield Finding(kind="stage", id=f"{attempt} {after}", problem=problem)


def _read(row: StageRow) -> Record | str:
    if row.stage not in _RECORDS:
        return f"There is no stage {row.stage}."
    kind, key = _RECORDS[row.stage]
    try:
        record = from_json(row.record, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return f"Its record cannot be read: {error}."
    if getattr(record, key) != row.record_id:
        return f"Its record is that of {getattr(record, key)}, not of {row.record_id}."
    return record
