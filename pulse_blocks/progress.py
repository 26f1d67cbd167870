"""How long work says how far it is, without knowing who listens (a terminal, a Prefect artifact, nobody)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec


class Progress(msgspec.Struct, frozen=True):
    """``done`` of ``total`` (None where the end is not known) in one stage, with a few words about it."""

    stage: str
    done: float
    total: float | None
    note: str = ""


Listener = Callable[[Progress], None]
_listeners: list[Listener] = []


def report(stage: str, done: float, total: float | None = None, note: str = "") -> None:
    """Tell whoever listens. Costs a microsecond where nobody does."""
    for listener in _listeners:
        listener(Progress(stage, done, total, note))


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have ``listener`` called with every report of this process, until the block ends."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
