"""Checks before and after, paired by what they say, then by their name, then by what they are about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from pulse_blocks.protocol.canonical import without_defaults
from pulse_blocks.protocol.diff.change import Change, Impact, change
from pulse_blocks.protocol.problems import Path
from pulse_blocks.protocol.spec import CheckSpec, Protocol
from pulse_blocks.protocol.translating import over_features, root_names


def check_changes(old: Protocol, new: Protocol) -> Iterator[Change]:
    """Changes of ``checks``; those over features alone are asked of requests too."""
    gone = list(enumerate(old.checks))
    for number, check in enumerate(new.checks):
        before = _partner(check, gone)
        if before is None:
            yield _judged(("checks", number), None, check, old, new)
            continue
        gone.remove(before)
        if before[1] != check:
            yield _judged(("checks", number), before[1], check, old, new)
    for number, check in gone:
        yield _judged(("checks", number), check, None, old, new)


def _partner(check: CheckSpec, among: list[tuple[int, CheckSpec]]) -> tuple[int, CheckSpec] | None:
    same = [one for one in among if _rule(one[1]) == _rule(check)]
    named = [one for one in among if check.name is not None and one[1].name == check.name]
    about = [one for one in among if _subject(one[1]) is not None and _subject(one[1]) == _subject(check)]
    return next(iter([*same, *named, *about]), None)


def _subject(check: CheckSpec) -> tuple[object, ...] | None:
    """What a check measures, whatever the bounds; None for an expression."""
    if check.rows is not None or check.fresh is not None:
        return ("rows" if check.rows is not None else "fresh",)
    if check.nulls is not None or check.mean is not None:
        return ("nulls", check.nulls.column) if check.nulls else ("mean", check.mean and check.mean.column)
    return None if check.quantile is None else ("quantile", check.quantile.column, check.quantile.q)


def _rule(check: CheckSpec) -> CheckSpec:
    return replace(check, name=None, severity="error")


def _judged(
    path: Path, before: CheckSpec | None, after: CheckSpec | None, old: Protocol, new: Protocol
) -> Change:
    asked, asks = _asked(before, old), _asked(after, new)
    impact: Impact = "compatible"
    if asks is not None and asks != asked:
        impact, reason = "breaking", "Requests are held to it."
    elif before and after and replace(before, name=None) == replace(after, name=None):
        impact, reason = "cosmetic", "Another name for the same check."
    elif asked is not None and asks is None:
        reason = "Requests are no longer held to it."
    else:
        reason = "It looks at the data alone."
    return change(path, _shown(before), _shown(after), impact, reason)


def _asked(check: CheckSpec | None, protocol: Protocol) -> str | None:
    """The expression that a request is held to, None where it is not."""
    if check is None or check.expr is None or check.severity != "error":
        return None
    return check.expr if over_features(root_names(check.expr), protocol) else None


def _shown(check: CheckSpec | None) -> Any:
    return None if check is None else without_defaults(check)
