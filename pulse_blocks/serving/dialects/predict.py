"""``POST /predict/NAME``: Pulse's own JSON, and Arrow for bulk."""

from __future__ import annotations

from typing import Any

from pulse_blocks.serving.bodies import parse
from pulse_blocks.serving.dialects.base import JSON, Asked, Dialect, Headers, Reply
from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model

ARROW = b"application/vnd.apache.arrow.stream"
ONE, MANY, STREAM = "one", "many", "stream"


def _read(model: Model, body: bytes, headers: Headers) -> Asked:
    if headers.get(b"content-type") == ARROW:
        from pulse_blocks.serving.dialects import arrow

        return Asked(arrow.records(model, body), STREAM)
    records, many = parse(model, body)
    if many and headers.get(b"accept") == ARROW:
        return Asked(records, STREAM)
    return Asked(records, MANY if many else ONE)


def _reply(job: Job, form: Any) -> Reply:
    if form == ONE:
        return Reply(JSON, job.replies[0])
    if form == MANY:
        return Reply(JSON, b'{"predictions":[%b]}' % b",".join(job.replies))
    from pulse_blocks.serving.dialects import arrow

    return Reply(ARROW, arrow.stream(job))


PREDICT = Dialect(_read, _reply)
