"""What an audit finds, and the shape of its checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.lineage.node import Places
from pulse_blocks.records import Record


class Finding(Record, frozen=True, kw_only=True):
    """Something that does not hold: where it is (kind and id of a thing) and what is wrong with it."""

    kind: str
    id: str
    problem: str


class Audit(Record, frozen=True, kw_only=True):
    """``checked`` counts things by kind. ``findings`` holds the first thousand, ``more`` counts those beyond."""

    ok: bool
    checked: dict[str, int]
    findings: tuple[Finding, ...]
    more: int


# How many things of a kind have been looked at.
Tally = Counter[str]
Check = Callable[[Places, Tally], Iterator[Finding]]
T = TypeVar("T")


def attempt(read: Callable[[], T]) -> T | str:
    """What ``read`` gives, or in words why it cannot be had. Raises UnavailableError: that is no finding."""
    try:
        return read()
    except UnavailableError:
        raise
    except PulseError as error:
        return error.message
