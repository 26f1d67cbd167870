"""Which column is the target, which the event time, which the key: guesses from names and values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from pulse_blocks.protocol.drafting.seen import Seen
from pulse_blocks.protocol.spec import Task

_TARGETS = re.compile(
    r"(^|_)(target|label|y|class|outcome|late|fraud|churn(ed)?|default(ed)?|converted|clicked|bought|failed)$",
    re.IGNORECASE,
)
_KEYS = re.compile(r"(^|_)(id|key|uuid|no|number)$", re.IGNORECASE)
_CLASSES = 20


class Roles(msgspec.Struct, frozen=True, kw_only=True):
    """The guessed roles; ``certain`` is false where the target is a mere guess."""

    target: Seen
    task: Task
    time: Seen | None
    key: Seen | None
    certain: bool


def guess(columns: Sequence[Seen]) -> Roles | None:
    """The roles of columns in the order of the query; None where no column can be a target."""
    key = _key(columns)
    time = next((one for one in columns if one.type in ("timestamp", "date") and not one.nulls), None)
    possible = [one for one in columns if one is not key and task_of(one) is not None]
    named = [one for one in possible if _TARGETS.search(one.name)]
    target = next(
        iter([*named, *(one for one in reversed(possible) if one.type == "bool"), *reversed(possible)]), None
    )
    task = None if target is None else task_of(target)
    if target is None or task is None:
        return None
    return Roles(target=target, task=task, time=time, key=key, certain=bool(named))


def _key(columns: Sequence[Seen]) -> Seen | None:
    """A column that tells rows apart: one that is named like a key, or the first."""
    unique = [
        one
        for one in columns
        if one.type in ("int", "string") and not one.nulls and one.distinct == one.rows > 1
    ]
    return next(iter([*(one for one in unique if _KEYS.search(one.name)), *unique]), None)


def task_of(column: Seen) -> Task | None:
    """What a model of this column would do, None where it can be no target."""
    if column.distinct < 2:
        return None
    if column.type == "bool" or (column.type == "category" and column.distinct == 2):
        return "binary-classification"
    if column.type == "category":
        return "multiclass-classification" if column.distinct <= _CLASSES else None
    return "regression" if column.type in ("float", "int") else None
