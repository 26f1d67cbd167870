"""Two protocols side by side: what callers see, then everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pulse_blocks.protocol.diff.change import Change, Impact, change
from pulse_blocks.protocol.diff.checks import check_changes
from pulse_blocks.protocol.diff.columns import column_changes
from pulse_blocks.protocol.diff.replies import reply_changes
from pulse_blocks.protocol.problems import Path
from pulse_blocks.protocol.spec import Protocol

_INNER = "Callers see nothing of it."
_SECTIONS: dict[str, tuple[Impact, str]] = {
    "version": ("cosmetic", "The version says what changed, and is no change itself."),
    "description": ("cosmetic", "Words for people."),
    "owner": ("cosmetic", "Words for people."),
    "on_invalid": ("compatible", _INNER),
    "training": ("compatible", _INNER),
    "serving": ("compatible", "Requests and replies stay the same."),
    "monitoring": ("compatible", _INNER),
    "retention": ("compatible", _INNER),
}


def changes(old: Protocol, new: Protocol) -> tuple[Change, ...]:
    """Every change from ``old`` to ``new``, the breaking ones first. Empty where both say the same.

    Raises PulseError for a check whose expression is none; a protocol that was loaded has no such check.
    """
    found = [
        *reply_changes(old, new),
        *_source_changes(old, new),
        *column_changes(old, new),
        *check_changes(old, new),
    ]
    for section, (impact, reason) in _SECTIONS.items():
        found += _leaves((section,), getattr(old, section), getattr(new, section), impact, reason)
    order: tuple[Impact, ...] = ("breaking", "compatible", "cosmetic")
    return tuple(sorted(found, key=lambda one: order.index(one.impact)))


def _source_changes(old: Protocol, new: Protocol) -> Iterator[Change]:
    """Time and key are columns of a request; ``column_changes`` says what becomes of those."""
    for key in ("datasource", "query", "window", "time", "key"):
        before, after = getattr(old.source, key), getattr(new.source, key)
        yield from _leaves(("source", key), before, after, "compatible", "Where rows come from.")


def _leaves(path: Path, old: Any, new: Any, impact: Impact, reason: str) -> Iterator[Change]:
    """The innermost places that differ; a list is one place."""
    if isinstance(old, msgspec.Struct) and type(old) is type(new):
        for name in old.__struct_fields__:
            yield from _leaves((*path, name), getattr(old, name), getattr(new, name), impact, reason)
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys((*old, *new)):
            yield from _leaves((*path, key), old.get(key), new.get(key), impact, reason)
    elif old != new or type(old) is not type(new):
        yield change(path, old, new, impact, reason)
