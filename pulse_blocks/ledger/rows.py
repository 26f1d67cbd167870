"""The ledger's facts as frozen records. Times are microseconds since 1970 (UTC), hashes are hex digits."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

CACHED = 1
FALLBACK = 2

State = Literal["completed", "failed"]
Action = Literal["promote", "rollback"]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all rows."""


class Inference(Fact, frozen=True, kw_only=True):
    """One reply of the runtime. ``input`` and ``output`` are the JSON that the hashes are over.

    ``event_time`` and ``source_key`` are there where the request gave them; ``flags`` is a sum of ``CACHED``
    and ``FALLBACK``.
    """

    id: str
    at: int
    event_time: int | None
    source_key: str | None
    model: str
    input: str
    output: str
    input_sha256: str
    output_sha256: str
    latency_us: int
    flags: int


class Promotion(Fact, frozen=True, kw_only=True):
    """One move of a model name's champion pointer. ``seq`` grows with every promotion of any name.

    ``bundle`` is a key in the store and ``version`` MLflow's model version; ``attempt`` is None for a
    promotion by hand. ``signature`` vouches for the bundle (see ``pulse_blocks.bundle.signing``).
    """

    seq: int
    name: str
    model: str
    bundle: str
    bundle_sha256: str
    version: str
    previous: str | None
    run: str
    attempt: str | None
    reason: str
    who: str
    at: int
    action: Action
    signature: str


class AuditRow(Fact, frozen=True, kw_only=True):
    """Who did what, when, to which subject. ``details`` is JSON; ``hash`` is over this row and ``previous``."""

    seq: int
    at: int
    who: str
    action: str
    subject: str
    details: str
    previous: str
    hash: str


class Attempt(Fact, frozen=True, kw_only=True):
    """One try at running a pipeline.

    ``records`` are the finished stages' records as JSON and ``seconds`` what they took, both by stage.
    ``started`` is when the attempt was first begun, however often it was resumed.
    """

    id: str
    resumed: bool
    started: int
    records: dict[str, bytes]
    seconds: dict[str, float]


class AttemptState(Fact, frozen=True, kw_only=True):
    """How an attempt stands: ``interrupted`` is one that has not ended and whose process is gone.

    ``message`` is the sentence in which it ended, ``ended`` None before that.
    """

    id: str
    name: str
    state: Literal["running", "interrupted", "completed", "failed"]
    started: int
    ended: int | None
    message: str


class StageRow(Fact, frozen=True, kw_only=True):
    """One finished stage of one attempt; ``record`` is JSON and ``record_id`` what it is found by."""

    attempt: str
    stage: str
    record_id: str
    record: bytes
    finished: int
    seconds: float


class NewLabel(Fact, frozen=True, kw_only=True):
    """What turned out to be true about an inference; ``value`` is JSON.

    ``event_time`` is when it turned out, where the sender knows.
    """

    inference: str
    value: str
    event_time: int | None = None


class Label(NewLabel, frozen=True, kw_only=True):
    """A label in the ledger; ``at`` is when it came in."""

    at: int


class NewEvent(Fact, frozen=True, kw_only=True):
    """An event that has just happened. ``resource`` is Prefect's id of what it is about."""

    event: str
    resource: str
    payload: dict[str, Any]


class OutboxEvent(Fact, frozen=True, kw_only=True):
    """An event that has to reach Prefect. ``id`` is a UUID: delivering it twice is one event."""

    id: str
    event: str
    resource: str
    payload: dict[str, Any]
    at: int
