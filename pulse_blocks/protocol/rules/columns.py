"""Columns and their roles: features, key, time and the rest must not contradict each other."""

from __future__ import annotations

from pulse_blocks.protocol.problems import Problems
from pulse_blocks.protocol.rules import fields
from pulse_blocks.protocol.spec import Protocol

_FOR_MODELS = ("float", "int", "bool", "category")


def check(protocol: Protocol, problems: Problems) -> None:
    """Every declared column for itself, then its role."""
    for name, field in protocol.features.items():
        fields.check(field, ("features", name), problems)
        if field.type not in _FOR_MODELS:
            problems.add(
                ("features", name, "type"),
                "not_for_type",
                f"A model cannot take a {field.type}.",
                "Derive a number from it in the query, or move it to columns.",
            )
    for name, field in protocol.columns.items():
        fields.check(field, ("columns", name), problems)
        if name in protocol.features:
            problems.add(
                ("columns", name), "duplicate_column", f"{name!r} is a feature already.", "Declare it once."
            )
    _time(protocol, problems)
    _key(protocol, problems)


def _time(protocol: Protocol, problems: Problems) -> None:
    time = protocol.source.time
    declared = protocol.columns.get(time) if time is not None else None
    if time is not None and time in protocol.features:
        problems.add(
            ("features", time),
            "not_for_type",
            f"{time!r} is the event time, which a model cannot take.",
            "Derive numbers from it in the query, such as the hour.",
        )
    elif declared is not None and declared.type not in ("timestamp", "date"):
        problems.add(
            ("columns", str(time), "type"),
            "not_for_type",
            f"The event time cannot be a {declared.type}.",
            "Use timestamp or date.",
        )


def _key(protocol: Protocol, problems: Problems) -> None:
    seen: set[str] = set()
    for number, name in enumerate(protocol.source.key):
        if name in seen:
            problems.add(("source", "key", number), "duplicate_value", f"{name!r} is here a second time.")
        seen.add(name)
