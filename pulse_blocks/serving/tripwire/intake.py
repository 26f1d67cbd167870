"""Answered records on their way from the event loop to the thread that looks at them: the hot path of the tripwire."""

from __future__ import annotations

import logging
import random
import threading

import msgspec

from pulse_blocks.ledger.base import InferenceTuple
from pulse_blocks.serving.jobs import Job

log = logging.getLogger("pulse.serving")

# How many records wait at most. Of more a random part is kept, each with the same chance.
MOST_WAITING = 10_000
# Of a larger request every n-th record is taken.
MOST_OF_ONE = 1_000

# The id of the model that answered, the record, and its row in the ledger.
Taken = tuple[str, msgspec.Struct, InferenceTuple]


class Intake:
    """A reservoir (algorithm R). ``put`` is the event loop's, ``drain`` another thread's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Taken] = []
        self._seen = 0

    def put(self, job: Job) -> None:
        """Take in an answered request; one whose model has no reference costs a comparison. Never raises."""
        if job.model.bundle.drift is not None:
            try:
                self._put(job)
            except Exception as error:  # noqa: BLE001 - the reply has gone, and the next one must not wait for this
                log.error("An answer was not taken in for live drift: %s.", type(error).__name__)  # noqa: TRY400 - inputs

    def _put(self, job: Job) -> None:
        model, records, rows = job.model.id, job.records, job.rows
        count = len(records)
        if count > MOST_OF_ONE:
            step = -(-count // MOST_OF_ONE)
            begin = random.randrange(step)  # noqa: S311 - a sample, no secret
            records, rows = records[begin::step], rows[begin::step]
        with self._lock:
            waiting = self._waiting
            self._seen += count - len(rows)
            for record, row in zip(records, rows, strict=True):
                self._seen += 1
                if len(waiting) < MOST_WAITING:
                    waiting.append((model, record, row))
                elif (at := int(random.random() * self._seen)) < MOST_WAITING:  # noqa: S311 - a sample, no secret
                    waiting[at] = (model, record, row)

    def drain(self) -> tuple[list[Taken], int]:
        """What waits, and how many records were left out of it."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            seen, self._seen = self._seen, 0
        return waiting, seen - len(waiting)
