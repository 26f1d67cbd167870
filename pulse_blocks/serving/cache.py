"""Outputs that were computed already, by the exact input. A cache belongs to one model and goes with it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256

import msgspec

# Inputs longer than this are not kept: only a key from outside can be so long, and memory must stay bounded.
LONGEST_INPUT = 16_384


class Answer(msgspec.Struct, gc=False):
    """An input and its output, both as JSON text with the sha256 over it. ``cached_until`` is monotonic.

    The input is as the ledger keeps it: with hashes in the place of private values. The garbage collector, which
    would walk over every answer that is kept, is told to leave them alone: they refer to nothing that could refer back.
    """

    input: str
    input_sha256: bytes
    output: bytes
    output_text: str
    output_sha256: bytes
    cached_until: float

    @classmethod
    def of(cls, stored: bytes, output: bytes, cached_until: float = 0.0) -> Answer:
        """The answer ``output`` to the input ``stored``, with their hashes."""
        return cls(
            stored.decode(),
            sha256(stored).digest(),
            output,
            output.decode(),
            sha256(output).digest(),
            cached_until,
        )


class Cache:
    """At most ``entries`` answers, the least recently used leaving first, each for ``ttl`` seconds.

    The key is the whole canonical input, so that no two inputs can be taken for each other. Two threads use it.
    """

    def __init__(
        self,
        entries: int,
        ttl: float,
        clock: Callable[[], float] = time.monotonic,
        stored: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """``stored`` makes of a canonical input the one that the ledger keeps, where these differ."""
        self._stored = stored
        self._entries = entries
        self._ttl = ttl
        self._clock = clock
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, text: bytes) -> Answer | None:
        """The answer to this input, unless there is none or it is too old."""
        answer = self._answers.get(text)
        if answer is None:
            return None
        if answer.cached_until <= self._clock():
            self._answers.pop(text, None)
            return None
        self._touch(text)
        return answer

    def put(self, text: bytes, output: bytes) -> Answer:
        """Make the answer, and keep it if it may be kept."""
        stored = text if self._stored is None else self._stored(text)
        answer = Answer.of(stored, output, self._clock() + self._ttl)
        if self._entries and len(text) <= LONGEST_INPUT:
            self._answers[text] = answer
            self._touch(text)
            if len(self._answers) > self._entries:
                # Not the first key of a plain dict: finding it means to walk over all that were taken out before.
                self._answers.popitem(last=False)
        return answer

    def _touch(self, text: bytes) -> None:
        """Make an entry the youngest, unless another thread has just taken it out."""
        try:
            self._answers.move_to_end(text)
        except KeyError:
            return
