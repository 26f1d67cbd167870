"""Ids: how each is made, and how a person's prefix is recognised."""

from __future__ import annotations

import datetime as dt
import re
from typing import Literal

import uuid_utils

Kind = Literal["snapshot", "run", "model", "inference", "scoring", "cause"]

_SNAPSHOT, _RUN, _INFERENCE, _SCORING = "snap_", "run_", "inference_", "score_"
# Drift checks, regressions, restores and rollbacks. Whole ones alone: a datasource may be called drift_data.
_CAUSE = re.compile(r"(?:(?:drift|regression)_[0-9a-hjkmnp-tv-z]{26}|(?:restore|rollback)_[0-9]{1,18})\Z")
_RESTORE, _ROLLBACK = "restore_", "rollback_"
# Crockford's base 32: no i, l, o, u; sorts as the number does.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


def snapshot_id(content_sha256: str) -> str:
    """``snap_`` and the first 12 hex digits of the sha256 over a snapshot's logical content."""
    return _SNAPSHOT + content_sha256[:12]


def run_id(mlflow_run_id: str) -> str:
    """``run_`` and the first 12 hex digits of an MLflow run id."""
    return _RUN + mlflow_run_id[:12]


def model_id(name: str, version: str, trees_sha256: str) -> str:
    """``NAME@VERSION-SHA7``: protocol name and version, and 7 hex digits of the sha256 of the trees."""
    return f"{name}@{version}-{trees_sha256[:7]}"


def new_inference_id() -> str:
    """``inference_`` and a UUIDv7 in base 32 (26 characters): sorts by the time at which it was made."""
    return _INFERENCE + base32(uuid_utils.uuid7().int)


def new_inference_ids(count: int) -> list[str]:
    """At most 2**19 ids of one moment, in ascending order: their last 20 bits count up from a random number."""
    first = uuid_utils.uuid7().int & ~(1 << 19)
    head, start = _INFERENCE + base32(first)[:22], first & 0xFFFFF
    return [head + _PAIRS[number >> 10] + _PAIRS[number & 1023] for number in range(start, start + count)]


def scoring_id(attempt: str) -> str:
    """``score_`` and the digits of the attempt that makes it: whoever goes on with that one keeps the id."""
    return _SCORING + attempt.rpartition("_")[2]


def restore_id(seq: int) -> str:
    """``restore_`` and the number of a row in the history of data pointers."""
    return f"{_RESTORE}{seq}"


def restore_seq(restore: str) -> int | None:
    """The number in such an id; None for any other text."""
    return _number(restore, _RESTORE)


def rollback_id(seq: int) -> str:
    """``rollback_`` and the number of a promotion that went back to a champion of before."""
    return f"{_ROLLBACK}{seq}"


def rollback_seq(rollback: str) -> int | None:
    """The number in such an id; None for any other text."""
    return _number(rollback, _ROLLBACK)


def _number(text: str, prefix: str) -> int | None:
    digits = text.removeprefix(prefix)
    return int(digits) if text.startswith(prefix) and digits.isdecimal() else None


def base32(number: int) -> str:
    """A 128-bit number in 26 characters of Crockford's base 32, the most significant first."""
    pairs = _PAIRS
    return (
        pairs[number >> 120]
        + pairs[number >> 110 & 1023]
        + pairs[number >> 100 & 1023]
        + pairs[number >> 90 & 1023]
        + pairs[number >> 80 & 1023]
        + pairs[number >> 70 & 1023]
        + pairs[number >> 60 & 1023]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
        + pairs[number >> 30 & 1023]
        + pairs[number >> 20 & 1023]
        + pairs[number >> 10 & 1023]
        + pairs[number & 1023]
    )


def inference_time(inference_id: str) -> dt.datetime:
    """When an inference id was made (UTC, to the millisecond). Raises ValueError for anything else."""
    digits = inference_id.removeprefix(_INFERENCE)
    if len(digits) != 26:
        raise ValueError(f"{inference_id} is no inference id")
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return dt.datetime.fromtimestamp((number >> 80) / 1000, dt.UTC)


def first_inference_id(at: dt.datetime) -> str:
    """The least id that can be made at a time: those made before it sort before it."""
    return _INFERENCE + base32(int(at.timestamp() * 1000) << 80)


def kind_of(id_or_prefix: str) -> Kind | None:
    """What kind of thing an id, or the beginning of one, names; None where it is none of ours."""
    if id_or_prefix.startswith(_SNAPSHOT):
        return "snapshot"
    if id_or_prefix.startswith(_RUN):
        return "run"
    if id_or_prefix.startswith(_INFERENCE):
        return "inference"
    if id_or_prefix.startswith(_SCORING):
        return "scoring"
    if _CAUSE.match(id_or_prefix):
        return "cause"
    return "model" if "@" in id_or_prefix else None
