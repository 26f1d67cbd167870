"""The words that all sections of a protocol are written in: names, versions, durations, shares."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

# Names become paths, ids and Prefect resources; quotes and the like cannot be in the name of a decoder's field.
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*\Z",
        max_length=63,
        description="Lowercase letters, digits and single dashes.",
    ),
]
ColumnName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r'^[^"\\\x00-\x1f\x7f]*\Z')]
SemVer = Annotated[
    str,
    Meta(
        pattern=r"^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\Z",
        description="Semantic version of the contract.",
    ),
]
Duration = Annotated[
    str,
    Meta(pattern=r"^[1-9]\d{0,6}(ms|s|m|h|d)\Z", description="A number and a unit: ms, s, m, h or d."),
]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Number = int | float


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of all sections: an unknown key is an error, and a default is left out of the JSON."""


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(duration: str) -> float:
    """``"90s"`` → 90.0. ``duration`` has been checked against ``Duration``."""
    number = duration.rstrip("mshd")
    return int(number) * _UNITS[duration[len(number) :]]
