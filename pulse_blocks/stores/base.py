"""What a store is: whole objects under checked keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

from pulse_blocks.errors import PulseError

# Folders and file names of letters, digits and a few marks; no part begins with a dot, so that neither '..' nor
# a hidden or temporary file can be named.
_PART = r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,127}"
_KEY = re.compile(rf"{_PART}(/{_PART}){{0,7}}\Z")
_PREFIX = re.compile(rf"({_PART}/){{0,8}}({_PART})?\Z")


class Entry(NamedTuple):
    """An object: its size in bytes, and when it was last written or found again by ``put``.

    ``modified`` is in seconds since 1970 by the store's own clock (see ``Store.clock``).
    """

    key: str
    size: int
    modified: float


@runtime_checkable
class Store(Protocol):
    """Whole objects by key. Objects are written once and never changed; ``keys`` need not be sorted by age.

    Every method raises PulseError("store.key") for a key outside the alphabet and UnavailableError where the
    store is out of reach. ``least_grace`` is in seconds: garbage collection with a shorter grace time protects
    nobody who finds an object again, since that object may keep its time for a while.
    """

    uri: str
    least_grace: float

    def put(self, key: str, data: bytes) -> int:
        """Write an object durably, all of it or nothing. Returns the bytes newly written.

        Where the same bytes are there already nothing is written and 0 returned; the object counts as new
        for ``delete_unused``. Keys name their content, so other bytes below the key are damage, and are
        replaced.
        """
        ...

    def create(self, key: str, data: bytes) -> bool:
        """Claim a key: of many callers exactly one writes it and gets True. Durable, never half visible."""
        ...

    def get(self, key: str) -> bytes:
        """The object. Raises PulseError("store.missing")."""
        ...

    def size(self, key: str) -> int | None:
        """The object's size in bytes, None where there is none."""
        ...

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with ``prefix``, sorted."""
        ...

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """The same with size and time."""
        ...

    def clock(self) -> float:
        """The time now, as ``Entry.modified`` is measured."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; a key that is not there is no error.

        Raises PulseError("store.locked") where Object Lock holds it.
        """
        ...

    def delete_unused(self, key: str, seconds: float) -> bool:
        """Remove an object that nobody has written or found again for so long. False where somebody has."""
        ...

    def locked_until(self, key: str) -> str | None:
        """Until when Object Lock holds an object (ISO 8601, UTC), None where it does not."""
        ...

    def unfinished(self, seconds: float, *, delete: bool) -> int:
        """The bytes of writes that ended half-way longer ago than ``seconds``; ``delete`` removes them."""
        ...

    def locate(self, key: str) -> str:
        """Where people find the object: a path or a URL."""
        ...


def check_key(key: str) -> str:
    """The key itself, or PulseError: a key is never a path from outside."""
    if not _KEY.match(key):
        raise PulseError(
            "store.key",
            f"{key[:200]!r} is no key of a store.",
            "Keys are relative and made of letters, digits and . _ @ -; no part begins with a dot.",
        )
    return key


def check_prefix(prefix: str) -> str:
    """The same for the beginning of a key."""
    if not _PREFIX.match(prefix):
        raise PulseError("store.key", f"{prefix[:200]!r} is no beginning of a store's keys.")
    return prefix
