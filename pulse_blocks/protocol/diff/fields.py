"""One column before and after: does it take more than it did, less, or the same?"""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec

from pulse_blocks.protocol.diff.change import Change, change
from pulse_blocks.protocol.problems import Path, shown
from pulse_blocks.protocol.spec import FieldSpec

_WIDER = "It takes more than before."
_NARROWER = "It refuses what it took before."
_SAME = "The same rule in other words."


class Line(msgspec.Struct, frozen=True):
    """An interval: each end with whether it is left out, so that ends compare in order."""

    low: tuple[float, bool]
    high: tuple[float, bool]

    def within(self, other: Line) -> bool:
        """Whether ``other`` holds every number that this one holds."""
        return self.low >= other.low and self.high <= other.high


def number_line(field: FieldSpec) -> Line:
    """The numbers that a field takes; of an integer, both ends belong to it."""
    if field.type == "int":
        low = field.ge if field.gt is None else int(field.gt) + 1
        high = field.le if field.lt is None else int(field.lt) - 1
        return Line((-math.inf if low is None else low, False), (math.inf if high is None else high, True))
    low = field.ge if field.gt is None else field.gt
    high = field.le if field.lt is None else field.lt
    return Line(
        (-math.inf if low is None else low, field.gt is not None),
        (math.inf if high is None else high, field.lt is None),
    )


def field_changes(path: Path, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    """Every change of a column that a request may hold."""
    if old.type != new.type:
        # JSON has one kind of number: who sent integers may go on.
        wider = (old.type, new.type) == ("int", "float")
        yield change(
            (*path, "type"), old.type, new.type, "compatible" if wider else "breaking",
            _WIDER if wider else "It takes another type.",
        )  # fmt: skip
    if old.nullable != new.nullable:
        impact, reason = ("compatible", _WIDER) if new.nullable else ("breaking", "A value is needed now.")
        yield change((*path, "nullable"), old.nullable, new.nullable, impact, reason)  # type: ignore[arg-type]
    yield from _range(path, old, new)
    yield from _values(path, old, new)
    yield from _text(path, old, new)
    yield from _meaning(path, old, new)


def _range(path: Path, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    """A bound that moved alone is judged alone: one end may be wider, the other narrower."""
    before, after = number_line(old), number_line(new)
    for names, was, is_ in (
        (("ge", "gt"), before.low, after.low),
        (("le", "lt"), before.high, after.high),
    ):
        low = names[0] == "ge"
        for name in names:
            bounds = getattr(old, name), getattr(new, name)
            if bounds[0] == bounds[1]:
                continue
            if was == is_:
                yield change((*path, name), *bounds, "cosmetic", _SAME)
            elif (is_ > was) == low:
                yield change((*path, name), *bounds, "breaking", _NARROWER)
            else:
                yield change((*path, name), *bounds, "compatible", _WIDER)


def _values(path: Path, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if old.values == new.values or old.values is None or new.values is None:
        return  # a change of type says it
    here, before, after = (*path, "values"), set(old.values), set(new.values)
    if before == after:
        yield change(here, old.values, new.values, "compatible", "The same values in another order.")
    elif before < after:
        yield change(here, old.values, new.values, "compatible", _WIDER)
    else:
        missing = ", ".join(str(value) for value in old.values if value not in after)
        reason = f"It refuses what it took before: {shown(missing)}."
        yield change(here, old.values, new.values, "breaking", reason)


def _text(path: Path, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if old.pattern != new.pattern:
        here = (*path, "pattern")
        if new.pattern is None:
            yield change(here, old.pattern, None, "compatible", _WIDER)
        else:
            yield change(here, old.pattern, new.pattern, "breaking", "It may refuse what it took before.")
    for name, of_none in (("min_length", 0.0), ("max_length", math.inf)):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            grown = (of_none if after is None else after) - (of_none if before is None else before)
            if grown == 0:
                yield change((*path, name), before, after, "cosmetic", _SAME)
            elif (grown > 0) == (name == "max_length"):
                yield change((*path, name), before, after, "compatible", _WIDER)
            else:
                yield change((*path, name), before, after, "breaking", _NARROWER)


def _meaning(path: Path, old: FieldSpec, new: FieldSpec) -> Iterator[Change]:
    if old.private != new.private:
        reason = "The ledger holds its hash." if new.private else "The ledger holds its value."
        yield change((*path, "private"), old.private, new.private, "compatible", reason)
    if old.unit != new.unit:
        if old.unit is None or new.unit is None:
            yield change((*path, "unit"), old.unit, new.unit, "cosmetic", "Words for people.")
        else:
            reason = "The same number means something else."
            yield change((*path, "unit"), old.unit, new.unit, "breaking", reason)
    if old.description != new.description:
        yield change(
            (*path, "description"), old.description, new.description, "cosmetic", "Words for people."
        )
