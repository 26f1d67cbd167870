"""What a check found, and what helps."""

from __future__ import annotations

from typing import Literal

from pulse_blocks.records import Record

Level = Literal["ok", "warning", "broken"]


class Diagnosis(Record, frozen=True, kw_only=True):
    """One thing that was looked at; ``fix`` says what helps where it is not ok."""

    name: str
    level: Level
    said: str
    fix: str | None = None
