"""What a reply is: the model's name, its task, its classes, the bounds of its output."""

from __future__ import annotations

from collections.abc import Iterator

from pulse_blocks.protocol.diff.change import Change, change
from pulse_blocks.protocol.diff.fields import Line, number_line
from pulse_blocks.protocol.spec import BoundsSpec, FieldSpec, Protocol


def reply_changes(old: Protocol, new: Protocol) -> Iterator[Change]:
    """Changes of ``name``, ``task``, ``target`` and ``output``."""
    if old.name != new.name:
        yield change(("name",), old.name, new.name, "breaking", "Callers ask for the model by its name.")
    if old.task != new.task:
        yield change(("task",), old.task, new.task, "breaking", "A reply has another form.")
    if old.target.name != new.target.name:
        reason = "The target is no part of a request or a reply."
        yield change(("target", "name"), old.target.name, new.target.name, "compatible", reason)
    for key in ("type", "values"):
        before, after = getattr(old.target, key), getattr(new.target, key)
        if before != after:
            yield change(("target", key), before, after, "breaking", "Replies name other classes or values.")
    for key in ("probability", "value"):
        yield from _bounds(key, getattr(old.output, key), getattr(new.output, key))
    before, after = old.output.decision.threshold, new.output.decision.threshold
    if before != after:
        path = ("output", "decision", "threshold")
        yield change(
            path, before, after, "compatible", "The form of a reply stays; decisions come out differently."
        )


def _bounds(key: str, old: BoundsSpec | None, new: BoundsSpec | None) -> Iterator[Change]:
    if old == new:
        return
    before, after = _line(old), _line(new)
    if before == after:
        yield change(("output", key), old, new, "cosmetic", "The same bounds in other words.")
    elif after.within(before):
        yield change(("output", key), old, new, "compatible", "Replies keep to narrower bounds.")
    else:
        yield change(("output", key), old, new, "breaking", "A reply may hold what it could not hold before.")


def _line(bounds: BoundsSpec | None) -> Line:
    given = bounds or BoundsSpec()
    return number_line(FieldSpec(type="float", ge=given.ge, le=given.le))
