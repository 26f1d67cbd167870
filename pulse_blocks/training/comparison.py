"""Two fits side by side: whether they grew the same trees, and what else differs between them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pulse_blocks.records import Environment, Record
from pulse_blocks.training.text import parameters_of

_TREE = re.compile(rb"(?m)^Tree=\d+$")
_END = b"\nend of trees"
ABSENT = "none"


class Difference(Record, frozen=True, kw_only=True):
    """One fact that is not what it was. ``what`` is a path: ``packages.lightgbm``, ``trees``, ``metrics.f1_score``."""

    what: str
    recorded: str
    now: str


def of_environments(recorded: Environment | None, now: Environment) -> Iterator[Difference]:
    """Versions, platform, processor and parameters that differ; threads are left out, for they decide nothing."""
    if recorded is None:
        yield Difference(what="environment", recorded=ABSENT, now="recorded from this version of Pulse on")
        return
    for name in ("python", "platform", "processor"):
        yield from _one(name, getattr(recorded, name), getattr(now, name))
    yield from of_values("packages", recorded.packages, now.packages)
    yield from of_values("parameters", recorded.parameters, now.parameters)


def of_values(path: str, recorded: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """The entries of two mappings that differ, and those that only one of them has."""
    for name in dict.fromkeys((*recorded, *now)):
        yield from _one(f"{path}.{name}", recorded.get(name, ABSENT), now.get(name, ABSENT))


def of_texts(recorded: bytes, now: bytes) -> Iterator[Difference]:
    """Of two model texts: parameters that LightGBM wrote down, number of trees, and the first tree that differs."""
    yield from of_values("written_parameters", parameters_of(recorded), parameters_of(now))
    before, after = _trees(recorded), _trees(now)
    yield from _one("trees.count", len(before) - 1, len(after) - 1)
    if before[0] != after[0]:
        yield Difference(what="trees.header", recorded="as recorded", now="other features, bins or classes")
    pairs = list(zip(before[1:], after[1:], strict=False))
    differing = [number for number, (old, new) in enumerate(pairs) if old != new]
    if differing:
        first, count = differing[0], len(differing)
        now_says = f"{count} of {len(pairs)} trees differ, tree {first} is the first"
        yield Difference(what="trees.content", recorded="as recorded", now=now_says)


def _trees(text: bytes) -> list[bytes]:
    """The header, then the text of each tree."""
    head, *trees = _TREE.split(text.partition(_END)[0])
    # The header lists the length of every tree, which says nothing that the trees do not.
    return [re.sub(rb"(?m)^tree_sizes=.*$", b"", head), *trees]


def _one(what: str, recorded: Any, now: Any) -> Iterator[Difference]:
    if recorded != now:
        yield Difference(what=what, recorded=str(recorded), now=str(now))
