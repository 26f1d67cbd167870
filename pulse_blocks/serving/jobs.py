"""One request on its way: from records to replies and rows for the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from pulse_blocks.ids import new_inference_id
from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.serving.cache import Answer
from pulse_blocks.serving.model import Model


class Job:
    """The records of one request, answered some at a time, and the future that its reply waits for.

    ``rows``, ``ids`` and ``replies`` grow together, one for each record; ``started`` is ``perf_counter_ns``.
    A request keeps the model that it began with.
    """

    __slots__ = ("future", "ids", "model", "records", "replies", "rows", "started")

    def __init__(self, model: Model, records: Sequence[msgspec.Struct], started: int) -> None:
        self.model = model
        self.records = records
        self.started = started
        self.rows: list[InferenceTuple] = []
        self.ids: list[str] = []
        self.replies: list[bytes] = []
        self.future: asyncio.Future[None]

    def add(self, records: Sequence[msgspec.Struct], answers: Sequence[Answer], hits: Sequence[bool]) -> None:
        """Give the next records their ids, replies and rows.

        The latency in a row is the time up to here: the commit cannot be part of what it writes.
        """
        model, name = self.model, self.model.id.encode()
        now = time.time_ns() // 1000
        latency = (time.perf_counter_ns() - self.started) // 1000
        for record, answer, hit in zip(records, answers, hits, strict=True):
            inference_id = new_inference_id()
            event_time, source_key = model.encoder.origin(record)
            self.rows.append(
                (
                    inference_id, now, event_time, source_key, model.id, answer.input, answer.output_text,
                    answer.input_sha256, answer.output_sha256, latency, CACHED if hit else 0,
                )
            )  # fmt: skip
            self.ids.append(inference_id)
            self.replies.append(
                b'{"inference_id":"%b","model":"%b",%b' % (inference_id.encode(), name, answer.output[1:])
            )
