"""Work on one chunk while the next is read: hashing, (de)compression and fsync release the interpreter's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_THREADS = 2
Item = TypeVar("Item")
Result = TypeVar("Result")


def overlapped(
    function: Callable[[Item], Result], items: Iterable[Item], ahead: int = _THREADS
) -> Iterator[Result]:
    """The results in the order of the items, ``ahead`` and one at work or waiting. Raises the first error there is."""
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(_THREADS, "pulse-chunks") as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
