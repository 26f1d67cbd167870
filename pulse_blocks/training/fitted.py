"""What a fit takes and leaves beside its data."""

from __future__ import annotations

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Record
from pulse_blocks.training.gates import GateResult


class Champion(Record, frozen=True, kw_only=True):
    """The model to beat: its text, the protocol it was trained under, and its metrics at that time."""

    model: str
    text: bytes
    protocol: Protocol
    metrics: dict[str, float]


class Smoke(Record, frozen=True, kw_only=True):
    """A few held-out rows and what the model says about them offline; a served model must say the same.

    ``rows`` are records as a request would hold them, features only. ``predictions`` are the model's numbers,
    one row after the other: a probability of the positive class, one for each class, or a value.
    """

    rows: tuple[dict[str, bool | int | float | str | None], ...]
    predictions: tuple[float, ...]


class Fitted(Record, frozen=True, kw_only=True):
    """A fitted model. ``text`` is LightGBM's own, without what differs between machines.

    ``history`` holds each metric on held-out rows (at most 50,000) after every round, ``importance`` the gain of each
    feature as a share of all (in the order of the protocol). ``gates`` may hold missed ones: see
    ``gates.require``.
    """

    text: bytes
    text_sha256: str
    trees: str
    metrics: dict[str, float]
    gates: tuple[GateResult, ...]
    history: dict[str, tuple[float, ...]]
    importance: dict[str, float]
    params: dict[str, bool | int | float | str]
    train_rows: int
    test_rows: int
    smoke: Smoke
    seconds: float
