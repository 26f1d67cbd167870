"""One change of a protocol."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pulse_blocks.protocol.problems import Path, dotted

Impact = Literal["breaking", "compatible", "cosmetic"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What stood at ``path`` and what stands there now, as plain data; None where there was or is nothing."""

    path: str
    old: Any
    new: Any
    impact: Impact
    reason: str


def change(path: Path, old: Any, new: Any, impact: Impact, reason: str) -> Change:
    """A change with its path in words and its values as plain data."""
    return Change(
        path=dotted(path),
        old=msgspec.to_builtins(old),
        new=msgspec.to_builtins(new),
        impact=impact,
        reason=reason,
    )
