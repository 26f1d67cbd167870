"""What every dialect can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from pulse_blocks.serving.jobs import Job
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal, body_of

JSON = b"application/json"
Headers = Mapping[bytes, bytes]


class Asked(NamedTuple):
    """A request that was understood: its records, and whatever ``reply`` must know to answer in kind."""

    records: Sequence[msgspec.Struct]
    form: Any


class Reply(NamedTuple):
    """A body and its content type."""

    kind: bytes
    body: bytes


class Dialect(NamedTuple):
    """``read`` raises Refusal for a body that is not sound; ``refuse`` gives a refusal's JSON."""

    read: Callable[[Model, bytes, Headers], Asked]
    reply: Callable[[Job, Any], Reply]
    refuse: Callable[[Refusal], bytes] = body_of
