"""Who runs the trials of a batch: threads of this process, unless a caller has something better (Prefect tasks)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any

# Calls a function for each of some arguments, perhaps side by side; the results in the order of the arguments.
Map = Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]


def in_threads(work: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    """A thread for each argument."""
    with ThreadPoolExecutor(max(len(arguments), 1)) as pool:
        return list(pool.map(lambda argument: copy_context().run(work, argument), arguments))


_mapping: ContextVar[Map] = ContextVar("pulse_trials", default=in_threads)


@contextlib.contextmanager
def mapped_by(run: Map) -> Iterator[None]:
    """Have the trials of every search in this context run by ``run``."""
    token = _mapping.set(run)
    try:
        yield
    finally:
        _mapping.reset(token)


def current() -> Map:
    """What runs trials here."""
    return _mapping.get()
