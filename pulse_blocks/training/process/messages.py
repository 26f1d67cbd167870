"""What goes to a training process and what comes back: MessagePack, each message with its length before it."""

from __future__ import annotations

from typing import IO, Literal

import msgspec

from pulse_blocks.progress import Progress
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record, Snapshot, ValidatedData
from pulse_blocks.training.execution import HERE, Execution
from pulse_blocks.training.fitted import Champion, Fitted
from pulse_blocks.training.search.trial import Trial, Tried

_LENGTH = 8


class Request(Record, frozen=True, kw_only=True):
    """One fit, or with ``trial`` one trial of a search.

    ``store`` is a path or URL; ``credentials`` are those that were handed over in memory, if any.
    """

    protocol: Protocol
    snapshot: Snapshot
    validated: ValidatedData
    store: str
    champion: Champion | None = None
    credentials: dict[str, str | None] | None = None
    execution: Execution = HERE
    trial: Trial | None = None


class Told(msgspec.Struct, frozen=True, tag=True):
    """How far the fit is."""

    progress: Progress


class Judged(msgspec.Struct, frozen=True, tag=True):
    """The model stands, and nothing of this changes any more; ``Done`` follows."""

    fitted: Fitted


class Done(msgspec.Struct, frozen=True, tag=True):
    """The end of a fit that went well. ``peak`` is the most resident memory that it took, in bytes.

    ``drift`` is the JSON of what drift will be measured against, empty where there is nothing to measure it by.
    """

    peak: int
    drift: str


class Tested(msgspec.Struct, frozen=True, tag=True):
    """The end of a trial."""

    tried: Tried


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The end of one that did not: a PulseError's facts; of an error of Pulse's own its traceback."""

    kind: Literal["refused", "unavailable", "memory", "bug"]
    code: str
    message: str
    hint: str | None


Reply = Told | Judged | Done | Tested | Refused


def frame(message: Request | Reply) -> bytes:
    """A message as bytes, its length before it."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_LENGTH, "big") + body


def requested(stream: IO[bytes]) -> Request | None:
    """The next request; None where the stream has ended."""
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    return msgspec.msgpack.decode(stream.read(int.from_bytes(head, "big")), type=Request)


class Replies:
    """Replies from bytes as they come in."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> list[Reply]:
        """The messages that are complete now."""
        self._data += data
        found: list[Reply] = []
        while len(self._data) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._data[:_LENGTH], "big")
            if len(self._data) < end:
                break
            found.append(msgspec.msgpack.decode(bytes(self._data[_LENGTH:end]), type=Reply))
            del self._data[:end]
        return found
