"""Reading ahead changes neither what comes nor what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from pulse_blocks.sources.ahead import ahead


def test_the_same_items() -> None:
    """In their order, None and all, however many."""
    assert list(ahead(range(1000))) == list(range(1000))
    assert list(ahead([None, 1, None])) == [None, 1, None]
    assert list(ahead([])) == []


def test_an_error_comes_after_the_items_before_it() -> None:
    """And it is the error itself."""
    error = OSError("gone")

    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise error

    items = ahead(broken())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(OSError, match="gone") as caught:
        next(items)
    assert caught.value is error


def test_closing_ends_the_thread() -> None:
    """Whoever has seen enough may close what was read from: nobody reads it any more."""
    reading = threading.Event()
    before = threading.active_count()

    def endless() -> Iterator[int]:
        while True:
            reading.set()
            yield 1

    items = ahead(endless())
    assert next(items) == 1
    items.close()
    assert threading.active_count() == before
    reading.clear()
    time.sleep(0.05)
    assert not reading.is_set()


def test_not_far_ahead() -> None:
    """Memory holds a few items, not all there are."""
    given = []

    def counted() -> Iterator[int]:
        for number in range(100):
            given.append(number)
            yield number

    items = ahead(counted())
    next(items)
    time.sleep(0.1)
    assert len(given) <= 5
    items.close()
