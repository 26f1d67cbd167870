"""How a protocol has its model served."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from pulse_blocks.protocol.vocabulary import Duration, Positive, Spec


class BatchSpec(Spec, frozen=True, kw_only=True):
    """The largest micro-batch of the runtime, in rows."""

    max_rows: Annotated[int, Meta(ge=1, le=65_536)] = 64


class CacheSpec(Spec, frozen=True, kw_only=True):
    """Replies kept by model and input hash; no entries means no cache."""

    entries: Annotated[int, Meta(ge=0, le=100_000_000)] = 10_000
    ttl: Duration = "60s"


class BreakerSpec(Spec, frozen=True, kw_only=True):
    """After ``failures`` in a row the model is not called for ``reset``; the fallback answers."""

    failures: Positive = 5
    reset: Duration = "10s"
    fallback: Literal["previous-version", "none"] = "none"


class ServingSpec(Spec, frozen=True, kw_only=True):
    """How the runtime serves. ``queue`` is the number of requests that may wait.

    ``deadline`` is the longest that one may take, and what a request may shorten for itself. With ``spool`` replies
    go on while the ledger is out of reach: their rows wait in a file on this machine's disk.
    """

    batch: BatchSpec = BatchSpec()
    cache: CacheSpec = CacheSpec()
    breaker: BreakerSpec = BreakerSpec()
    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    deadline: Duration = "10s"
    spool: bool = False
