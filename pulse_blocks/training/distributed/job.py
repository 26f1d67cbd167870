"""What a worker is told, and what it gives back. Rows are never in it: a worker reads its own from the store."""

from __future__ import annotations

from typing import Any

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.training.boosting import Boosted
from pulse_blocks.training.distributed.shares import RowSet


class Job(Record, frozen=True, kw_only=True):
    """One rank's part of a fit.

    ``watched`` are the sets that are evaluated after every round: rank 0's alone. ``class_weights`` holds a weight
    for each class where classes are balanced. ``accord`` is where rank 0 says whether to stop, with the word that
    it knows the others by. ``checkpoints`` is the key of the fit's unfinished states. ``embedded`` says that the
    worker was started for this fit.
    """

    rank: int
    protocol: Protocol
    params: dict[str, Any]
    snapshot: str
    store: str
    train: RowSet
    watched: dict[str, RowSet]
    class_weights: tuple[float, ...] | None
    accord: tuple[str, int] | None
    secret: bytes
    checkpoints: str | None
    topic: str
    embedded: bool
    credentials: dict[str, str | None] | None = None


class Share(Record, frozen=True, kw_only=True):
    """What a worker has done: the trees (rank 0's alone), and how many rows it trained on."""

    rank: int
    rows: int
    boosted: Boosted | None
