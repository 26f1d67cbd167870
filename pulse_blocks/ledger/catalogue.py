"""Every event that Pulse tells Prefect: its name, when it is told, what it is about, what it carries.

The emitters take their names from here, below all of them; ``docs/reference/events.md`` is made of it.
"""

from __future__ import annotations

import msgspec

MODEL, AUTOMATIONS = "pulse.model.NAME", "pulse.automations"


class Kind(msgspec.Struct, frozen=True):
    """A kind of event. ``resource`` is Prefect's id of what it is about, ``payload`` says what each key holds."""

    name: str
    when: str
    payload: dict[str, str]
    resource: str = MODEL


_PROMOTION = {
    "model": "id of the champion from now on",
    "previous": "id of the champion before, null for the first",
    "version": "model version in MLflow",
    "run": "id of the run that trained it",
    "reason": "why",
    "who": "who asked",
    "seq": "number of the promotion in the ledger",
}

SNAPSHOT_CREATED = Kind(
    "pulse.snapshot.created",
    "A run has written a snapshot that was not there before.",
    {"snapshot": "its id", "rows": "number of rows", "datasource": "where they come from"},
)
VALIDATION_FAILED = Kind(
    "pulse.validation.failed",
    "More rows break the contract than the protocol allows, or a check of the table failed.",
    {"code": "stable code of the error", "message": "what was found, in a sentence"},
)
MODEL_REGISTERED = Kind(
    "pulse.model.registered",
    "A model has passed its gates and is in MLflow's registry.",
    {"model": "its id", "version": "model version in MLflow", "run": "id of the run that trained it"},
)
MODEL_PROMOTED = Kind("pulse.model.promoted", "A model has become champion.", _PROMOTION)
MODEL_ROLLED_BACK = Kind("pulse.model.rolled_back", "A champion of before is champion again.", _PROMOTION)
MODEL_REGRESSED = Kind(
    "pulse.model.regressed",
    "A new champion did worse than its guard allows. Starts a rollback.",
    {
        "regression": "id of the fact in the ledger",
        "name": "protocol",
        "model": "id of the champion that did worse",
        "previous": "id of the champion before it",
        "reason": "the limit that was passed, in a sentence",
    },
)
DRIFT_SUSPECTED = Kind(
    "pulse.drift.suspected",
    "A runtime's own sketches have passed the protocol's share. Starts a drift check.",
    {
        "name": "protocol",
        "model": "id of the champion",
        "window_end": "end of the window, ISO 8601",
        "rows": "rows that were looked at",
        "score": "weighed share of drifted features, 0 to 1",
        "features": "names of drifted features, the heaviest first",
        "prediction": "whether the predictions have drifted",
    },
)
DRIFT_DETECTED = Kind(
    "pulse.drift.detected",
    "A drift check has decided, after persistence and cooldown. Starts what `on_drift` says.",
    {
        "check": "id of the fact in the ledger",
        "name": "protocol",
        "model": "id of the champion",
        "action": "`retrain`, `alert` or `rollback`; also the label `pulse.action`, which triggers can match",
        "score": "weighed share of drifted features, 0 to 1",
        "window_start": "begin of the window, ISO 8601",
        "window_end": "its end",
        "rows": "rows in it",
        "reasons": "sentences",
        "report": "null: Evidently's page is drawn after the event has left; `pulse lineage CHECK` has its address",
    },
)
CIRCUIT_OPENED = Kind(
    "pulse.circuit.opened",
    "A circuit breaker of a runtime has opened.",
    {
        "circuit": "`model` or `ledger`",
        "model": "id of the model",
        "reason": "what failed",
        "reset_seconds": "for how long it stays open",
    },
)
AUTOMATION_FAILED = Kind(
    "pulse.automation.failed",
    "An action of an automation has failed.",
    {"automation": "its name", "failed": "type of the action", "reason": "what Prefect said"},
    AUTOMATIONS,
)

KINDS = (
    SNAPSHOT_CREATED, VALIDATION_FAILED, MODEL_REGISTERED, MODEL_PROMOTED, MODEL_ROLLED_BACK, MODEL_REGRESSED,
    DRIFT_SUSPECTED, DRIFT_DETECTED, CIRCUIT_OPENED, AUTOMATION_FAILED,
)  # fmt: skip
