"""One request on its way: from records to replies and rows for the ledger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.rows import CACHED, FALLBACK
from pulse_blocks.serving.cache import Answer
from pulse_blocks.serving.model import Model

_encode = msgspec.json.Encoder().encode


class Client(Protocol):
    """Who waits for the answer. ``disconnected`` turns true when nobody does any more."""

    disconnected: bool


class Pending(Protocol):
    """What a job's end is told to: a future, or what does as much of one. Used on the event loop only."""

    def done(self) -> bool:
        """Whether it was told already."""

    def set_result(self, result: None, /) -> None:
        """The job's rows are durable."""

    def set_exception(self, error: Exception, /) -> None:
        """The job has failed."""


class Place(Protocol):
    """Where a job waits: what may answer it instead of its model, and who is told of its end."""

    fallback: Model | None
    waiting: int


class Job:
    """The records of one request, answered some at a time, and the future that its reply waits for.

    ``rows``, ``ids`` and ``replies`` grow together, one for each record; ``started`` and ``deadline`` are
    ``perf_counter_ns``. A request keeps the model that it began with, unless that model fails. Made and ended
    on the event loop, filled in by the worker.
    """

    __slots__ = (
        "client", "deadline", "flags", "future", "ids", "model", "place", "records", "replies", "rows", "started",
        "text",
    )  # fmt: skip

    def __init__(
        self, model: Model, records: Sequence[msgspec.Struct], started: int, deadline: int, client: Client
    ) -> None:
        self.model = model
        self.records = records
        self.started = started
        self.deadline = deadline
        self.client = client
        self.flags = 0
        self.text: bytes | None = None
        self.rows: list[InferenceTuple] = []
        self.ids: list[str] = []
        self.replies: list[bytes] = []
        self.future: Pending
        self.place: Place

    def is_whole(self) -> bool:
        """Whether every record has its row."""
        return len(self.rows) == len(self.records)

    def is_known(self) -> bool:
        """Whether it is one record that was answered before; then it is whole now."""
        if len(self.records) != 1:
            return False
        self.text = _encode(self.records[0])
        answer = self.model.cache.get(self.text)
        if answer is None:
            return False
        self.add(self.records, (answer,), (True,), (new_inference_id(),))
        return True

    def texts(self, records: Sequence[msgspec.Struct]) -> list[bytes]:
        """The canonical inputs of some of its records."""
        return [_encode(record) for record in records] if self.text is None else [self.text]

    def fall_back(self) -> bool:
        """Begin anew with the fallback model; False where there is none that takes these records."""
        fallback = self.place.fallback
        if fallback is None or self.flags & FALLBACK or fallback is self.model:
            return False
        try:
            self.records = [fallback.decode(_encode(record)) for record in self.records]
        except msgspec.ValidationError:
            return False
        if any(fallback.broken_checks(self.records)):
            return False
        self.model, self.flags, self.text = fallback, FALLBACK, None
        # A reply is of one model: what the other has computed already does not count.
        self.rows, self.ids, self.replies = [], [], []
        return True

    def add(
        self,
        records: Sequence[msgspec.Struct],
        answers: Sequence[Answer],
        hits: Sequence[bool],
        ids: Sequence[str],
    ) -> None:
        """Give the next records their replies and rows, under new ``ids``.

        The latency in a row is the time up to here: the commit cannot be part of what it writes.
        """
        model, flags = self.model, self.flags
        now = time.time_ns() // 1000
        latency = (time.perf_counter_ns() - self.started) // 1000
        origin, beside = model.encoder.origin, model.beside
        for inference_id, record, answer, hit in zip(ids, records, answers, hits, strict=True):
            self.rows.append(
                (
                    inference_id, now, *origin(record), model.id, answer.input, answer.output_text,
                    answer.input_sha256, answer.output_sha256, latency, flags | CACHED if hit else flags,
                )
            )  # fmt: skip
            self.replies.append(
                b'{"inference_id":"%b%b%b' % (inference_id.encode(), beside, answer.output[1:])
            )
        self.ids += ids

    def settle(self, error: Exception | None) -> None:
        """End it, unless it has ended already; on the event loop only."""
        if self.future.done():
            return
        if error is None:
            self.future.set_result(None)
        else:
            self.future.set_exception(error)


# A job and why it failed, None where its rows are durable.
Outcome = tuple[Job, Exception | None]


def code_of(error: Exception) -> str:
    """What an error is called in logs and events: never its message, which may hold an input."""
    return error.code if isinstance(error, PulseError) else type(error).__name__
