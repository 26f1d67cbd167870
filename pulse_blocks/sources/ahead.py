"""Reading ahead: the database works on the next batch while this one is converted (drivers release the lock)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Generic, TypeVar

_BATCHES = 2
_TICK_SECONDS = 0.1
Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Generator[Item, None, None]:
    """The same items, up to two fetched ahead by a thread. Raises what fetching raises, where it did.

    The thread has ended when this iterator is exhausted or closed, so what it reads from may be closed then.
    """
    reader = _Reader(items)
    reader.start()
    try:
        while (found := reader.fetched.get()) is not None:
            if isinstance(found, _Failure):
                raise found.error
            yield found.item
    finally:
        reader.stopped.set()
        reader.join()


class _Got(Generic[Item]):
    def __init__(self, item: Item) -> None:
        self.item = item


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Reader(threading.Thread, Generic[Item]):
    """Puts items into a queue, then what ended them: None, or a failure."""

    def __init__(self, items: Iterable[Item]) -> None:
        super().__init__(name="pulse-read-ahead", daemon=True)
        self._items = items
        self.fetched: queue.Queue[_Got[Item] | _Failure | None] = queue.Queue(_BATCHES)
        self.stopped = threading.Event()

    def run(self) -> None:
        """Fetch until the end, or until somebody has seen enough."""
        try:
            for item in self._items:
                self._hand_over(_Got(item))
                if self.stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            self._hand_over(_Failure(error))
        else:
            self._hand_over(None)

    def _hand_over(self, found: _Got[Item] | _Failure | None) -> None:
        while not self.stopped.is_set():
            try:
                self.fetched.put(found, timeout=_TICK_SECONDS)
            except queue.Full:
                continue
            return
