"""What a fit takes and leaves beside its data."""

from __future__ import annotations

import msgspec

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Calibration, Environment, Record, Searched
from pulse_blocks.training.curves import Curves
from pulse_blocks.training.gates import GateResult


class Champion(Record, frozen=True, kw_only=True):
    """The model to beat: its text, the protocol it was trained under, and its metrics at that time.

    ``threshold`` is the one that its training chose, None where its protocol says it; ``calibration`` what its
    probabilities go through.
    """

    model: str
    text: bytes
    protocol: Protocol
    metrics: dict[str, float]
    threshold: float | None = None
    calibration: Calibration | None = None


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
    ``gates.require``. ``intervals`` are low and high of each metric (95 %), ``rounds`` those that are in the model,
    ``threshold`` what was chosen on the validation rows, None where the protocol says it. ``calibration`` is
    what its probabilities go through, and ``uncalibrated`` holds metrics of the held-out rows before and after it.
    ``searched`` is the search that chose parameters, ``unfinished`` the key of the checkpoints that were kept of it.
    """

    text: bytes
    text_sha256: str
    trees: str
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    gates: tuple[GateResult, ...]
    history: dict[str, tuple[float, ...]]
    importance: dict[str, float]
    curves: Curves
    params: dict[str, bool | int | float | str]
    train_rows: int
    validation_rows: int
    test_rows: int
    rounds: int
    threshold: float | None
    smoke: Smoke
    seconds: float
    environment: Environment
    calibration: Calibration | None = None
    uncalibrated: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    searched: Searched | None = None
    unfinished: str = ""
