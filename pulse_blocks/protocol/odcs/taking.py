"""Reading a foreign document key by key, so that what nobody has read can be named."""

from __future__ import annotations

from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.problems import Path, dotted


class Taking:
    """A mapping of the document; ``take`` marks a key as read, ``rest`` names those that were not."""

    def __init__(self, data: Any, path: Path = ()) -> None:
        """Raises PulseError where ``data`` is no mapping."""
        if not isinstance(data, dict):
            raise _unfit(path, "a section is needed here")
        self._data = data
        self.path = path
        self._taken: set[str] = set()

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
        """The value of a key, ``default`` where it is missing or null. Raises PulseError for another type."""
        self._taken.add(key)
        value = self._data.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (
            isinstance(value, bool) and kind is not bool and bool not in _kinds(kind)
        ):
            raise _unfit((*self.path, key), "this has another type than the standard gives it")
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there."""
        return self._data.get(key) is not None

    def sections(self, key: str) -> list[Taking]:
        """A list of mappings."""
        values = self.take(key, list, [])
        return [Taking(value, (*self.path, key, number)) for number, value in enumerate(values)]

    def custom(self) -> dict[str, Any]:
        """The custom properties by name."""
        found = {}
        for one in self.sections("customProperties"):
            found[one.take("property", str, "")] = one._data.get("value")  # noqa: SLF001 - of its own class
        return found

    def rest(self) -> list[str]:
        """The paths of the keys that hold something and that nobody has read."""
        return [
            dotted((*self.path, key))
            for key, value in self._data.items()
            if key not in self._taken and value not in (None, [], {}, "")
        ]


def _kinds(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _unfit(path: Path, reason: str) -> PulseError:
    return PulseError(
        "odcs.invalid",
        f"Not a contract of the Open Data Contract Standard: {dotted(path) or 'the file'}: {reason}.",
        "Check it with a tool of the standard.",
    )
