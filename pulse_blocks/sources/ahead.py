"""Reading ahead: the database works on the next batch while this one is converted (drivers release the lock)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

_BATCHES = 3
_TICK_SECONDS = 0.1
Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """The same items, up to three fetched ahead by a thread. Raises what fetching raises, where it did.

    The thread has ended when this iterator is exhausted or closed, so what it reads from may be closed then.
    """
    fetched: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(_BATCHES)
    stopped = threading.Event()

    def hand_over(item: Item | None, error: BaseException | None) -> None:
        while not stopped.is_set():
            try:
                fetched.put((item, error), timeout=_TICK_SECONDS)
            except queue.Full:
                continue
            return

    def fetch() -> None:
        try:
            for item in items:
                hand_over(item, None)
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the items are taken
            hand_over(None, error)
        else:
            hand_over(None, StopIteration())

    thread = threading.Thread(target=fetch, name="pulse-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = fetched.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]  # without an error there is an item
    finally:
        stopped.set()
        thread.join()
