"""Which events a pipeline tells Prefect. ``pulse.model.promoted`` is told by the promotion itself."""

from __future__ import annotations

from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.catalogue import MODEL_REGISTERED, SNAPSHOT_CREATED, VALIDATION_FAILED, Kind
from pulse_blocks.ledger.rows import NewEvent
from pulse_blocks.records import Record, SnapshotRef, StoredModel


def told(record: Record, name: str) -> NewEvent | None:
    """What a finished stage of the model ``name`` has to tell: a new snapshot, a registered model."""
    match record:
        case SnapshotRef(existed=False):
            payload = {"snapshot": record.id, "rows": record.rows, "datasource": record.datasource}
            return _about(name, SNAPSHOT_CREATED, payload)
        case StoredModel():
            payload = {"model": record.model, "version": record.version, "run": record.run}
            return _about(name, MODEL_REGISTERED, payload)
        case _:
            return None


def validation_failed(error: PulseError, name: str) -> NewEvent | None:
    """The event of a run that validation refused; None for any other failure."""
    if not error.code.startswith("validation."):
        return None
    return _about(name, VALIDATION_FAILED, {"code": error.code, "message": error.message})


def _about(name: str, kind: Kind, payload: dict[str, object]) -> NewEvent:
    return NewEvent(event=kind.name, resource=f"pulse.model.{name}", payload=payload)
