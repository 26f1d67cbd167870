"""What the stages hand to each other: small frozen facts, never data.

Each record carries the id of the one before it, so the lineage of a prediction is this chain read backwards
and nothing else has to be written down. All of them survive a round trip through JSON (``to_json``).
Times are UTC in ISO 8601 with a trailing ``Z``; durations are seconds.
"""

from __future__ import annotations

from pulse_blocks.records.base import Record, as_dict, from_json, to_json
from pulse_blocks.records.data import (
    Chunk,
    Column,
    ProtocolRef,
    RawBatch,
    Snapshot,
    SnapshotRef,
    ValidatedData,
    Window,
)
from pulse_blocks.records.models import (
    Arrival,
    Calibration,
    ClassCurve,
    Deployment,
    Environment,
    RefusedModel,
    Searched,
    StoredModel,
    TrainedModel,
)

__all__ = [
    "Arrival",
    "Calibration",
    "Chunk",
    "ClassCurve",
    "Column",
    "Deployment",
    "Environment",
    "ProtocolRef",
    "RawBatch",
    "Record",
    "RefusedModel",
    "Searched",
    "Snapshot",
    "SnapshotRef",
    "StoredModel",
    "TrainedModel",
    "ValidatedData",
    "Window",
    "as_dict",
    "from_json",
    "to_json",
]
