"""``POST /feedback``: labels for inferences that were answered, one or many, as often as the client likes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pulse_blocks import archive
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.protocol.requests import FLOAT, INT, FieldProblem
from pulse_blocks.protocol.spec import TargetSpec
from pulse_blocks.serving.bodies import MOST_FIELDS, as_json, invalid
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.encoding import microseconds
from pulse_blocks.stores.base import Store
from pulse_blocks.times import in_calendar

_KEYS = {"inference_id", "value", "time"}


def record(ledger: Ledger, store: Store, slots: dict[str, Slot], body: bytes) -> dict[str, int]:
    """Keep the labels of a body; returns how many were new and how many were known.

    Raises Refusal naming every label that cannot be kept, and then none is.
    """
    raw = as_json(body)
    many = isinstance(raw, dict) and "labels" in raw
    items = raw["labels"] if many else [raw]
    if not isinstance(items, list) or not items or (many and len(raw) > 1):
        raise invalid(
            [FieldProblem("labels", "Expected a list of labels, at least one, and nothing beside.")]
        )
    places = [f"labels[{number}]" for number in range(len(items))] if many else [""]
    found = [problem for place, item in zip(places, items, strict=True) for problem in _shape(place, item)]
    if not found:
        models = _models(ledger, store, [item["inference_id"] for item in items])
        found = _content(models, slots, places, items)
    if found:
        raise invalid(found[: MOST_FIELDS + 1])
    kept = ledger.label([_label(item) for item in items])
    return {"recorded": kept, "unchanged": len(items) - kept}


def _shape(place: str, item: Any) -> list[FieldProblem]:
    """What is wrong with one label by itself."""
    if not isinstance(item, dict):
        return [FieldProblem(place, "Expected an object with inference_id and value.")]
    found = [FieldProblem(_below(place, key), "There is no such field.") for key in item if key not in _KEYS]
    if not isinstance(item.get("inference_id"), str):
        found.append(FieldProblem(_below(place, "inference_id"), "Expected the id of an inference."))
    if "value" not in item:
        found.append(FieldProblem(_below(place, "value"), "This field is missing."))
    try:
        time = _time(item)
        if time is not None and not in_calendar(time):
            what = "Expected a time within the years 1 to 9999 in UTC."
            found.append(FieldProblem(_below(place, "time"), what))
    except msgspec.ValidationError:
        found.append(FieldProblem(_below(place, "time"), "Expected a time like 2013-01-01T06:00:00Z."))
    return found


def _models(ledger: Ledger, store: Store, ids: Sequence[str]) -> dict[str, str]:
    """The model of each inference that is known. Those of batch scorings are in files of the store."""
    models = ledger.models_of(ids)
    unknown = [one for one in ids if one not in models]
    return models | archive.models_of(ledger, store, unknown) if unknown else models


def _content(
    models: dict[str, str], slots: dict[str, Slot], places: Sequence[str], items: Iterable[dict[str, Any]]
) -> list[FieldProblem]:
    """What is wrong with labels beside the inferences that they are about."""
    labels = list(zip(places, items, strict=True))
    found: list[FieldProblem] = []
    for place, item in labels:
        model = models.get(item["inference_id"])
        slot = slots.get(model.partition("@")[0]) if model else None
        if slot is None:
            what = "No inference has this id." if model is None else f"{model} is not served here."
            found.append(FieldProblem(_below(place, "inference_id"), what))
        elif message := _refusal(slot.model.protocol.target, item["value"]):
            found.append(FieldProblem(_below(place, "value"), message))
    return found


def _refusal(target: TargetSpec, value: object) -> str | None:
    """Why a value cannot be the target's, None where it can."""
    match target.type:
        case "bool":
            return None if isinstance(value, bool) else "Expected true or false."
        case "float":
            return None if _fits(value, FLOAT) else "Expected a number."
        case "int" if not _fits(value, INT):
            return "Expected an integer of 64 bits."
    if target.values and not any(type(value) is type(known) and value == known for known in target.values):
        return f"Expected one of {', '.join(map(str, target.values))}."
    return None


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is one of a column of this type: a label is held to the same as a request."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _label(item: dict[str, Any]) -> NewLabel:
    return NewLabel(
        inference=item["inference_id"],
        value=msgspec.json.encode(item["value"]).decode(),
        event_time=microseconds(_time(item)),
    )


def _time(item: dict[str, Any]) -> dt.datetime | None:
    return msgspec.convert(item.get("time"), dt.datetime | None)


def _below(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
