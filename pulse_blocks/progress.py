"""How long work says how far it is, without knowing who listens (a terminal, a Prefect artifact, nobody)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """``done`` of ``total`` (None where the end is not known) in one stage, with a few words about it.

    ``metrics`` are those of a round of training, by name.
    """

    stage: str
    done: float
    total: float | None
    note: str = ""
    metrics: dict[str, float] = {}


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


def report(
    stage: str,
    done: float,
    total: float | None = None,
    note: str = "",
    metrics: Mapping[str, float] | None = None,
) -> None:
    """Tell whoever listens. Costs a microsecond where nobody does."""
    for listener in tuple(_listeners):  # another thread may begin or end listening meanwhile
        listener(Progress(stage, done, total, note, dict(metrics or {})))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have ``listener`` called with every report of this process, until the block ends."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
