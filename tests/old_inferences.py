"""Inferences that were made long ago: rows as the runtime would have written them then."""

from __future__ import annotations

import datetime as dt
import hashlib
import random

import msgspec

from pulse_blocks.ids import base32
from pulse_blocks.ledger.base import InferenceTuple

MODEL = "tiny@1.0.0-aaaaaaa"
NOW = dt.datetime(2026, 8, 1, 12, tzinfo=dt.UTC)


def old(count: int, days_ago: float, model: str = MODEL, seed: int = 0) -> list[InferenceTuple]:
    """``count`` rows within one second, so many days before ``NOW``; by id. The same seed gives the same rows."""
    chance = random.Random(f"{model} {days_ago} {seed}")  # noqa: S311 - rows, no secrets
    start = int((NOW - dt.timedelta(days=days_ago)).timestamp() * 1000)
    return sorted(_row(chance, start + number * 1000 // count, model) for number in range(count))


def _row(chance: random.Random, ms: int, model: str) -> InferenceTuple:
    text = msgspec.json.encode({"a": chance.randrange(1000), "b": chance.choice(["x", "y", "é"])})
    output = msgspec.json.encode({"value": chance.random()})
    return (
        f"inference_{base32(ms << 80 | chance.getrandbits(80))}", ms * 1000,
        ms * 1000 - 5 if chance.random() < 0.5 else None, None, model, text.decode(), output.decode(),
        hashlib.sha256(text).digest(), hashlib.sha256(output).digest(), chance.randrange(5000), 0,
    )  # fmt: skip
