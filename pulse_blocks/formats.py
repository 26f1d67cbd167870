"""Formats carry a number. What a later version of Pulse has written is refused in one way, and never touched."""

from __future__ import annotations

import msgspec

from pulse_blocks.errors import PulseError


class Numbered(msgspec.Struct):
    """The one field that every version of a file in JSON has; those of before it was written are the first."""

    format: int = 1


def require_known(code: str, place: str, found: int, known: int) -> None:
    """Raise PulseError ``code`` where ``found`` is a later format than ``known``; ``place`` names the file."""
    if found > known:
        raise PulseError(
            code,
            f"{place} has format {found}; this version of Pulse reads up to {known}.",
            "Upgrade pulse-blocks to the version that wrote it. Nothing was touched.",
        )
