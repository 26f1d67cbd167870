"""What a pass over the rows finds: broken rows by rule, with a few examples each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

import msgspec
import numpy as np
import polars as pl

from pulse_blocks.protocol.refusals import PRIVATE
from pulse_blocks.protocol.spec import Severity
from pulse_blocks.validation.report import Example, RuleResult

EXAMPLES = 5


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule on rows: its columns (those whose values an example shows), its name and its severity."""

    columns: tuple[str, ...]
    check: str
    severity: Severity = "error"


class Tally:
    """Row numbers by rule, and examples of the first rows that break it; without the values of ``private`` columns.

    Reports go to places where nobody keeps a record: those values are in the quarantined rows alone.
    """

    def __init__(self, rules: Iterable[Rule], key: Sequence[str], private: Collection[str] = ()) -> None:
        self._rows: dict[Rule, list[np.ndarray]] = {rule: [] for rule in rules}
        self._examples: dict[Rule, list[Example]] = {rule: [] for rule in self._rows}
        self._key = list(key)
        self._private = frozenset(private)

    def add(self, rule: Rule, rows: np.ndarray, frame: pl.DataFrame) -> None:
        """``rows`` (numbers in the snapshot, sorted) break ``rule``; ``frame`` holds at least the first five."""
        if not rows.size:
            return
        self._rows[rule].append(rows)
        room = EXAMPLES - len(self._examples[rule])
        records = frame.head(min(room, rows.size)).iter_rows(named=True)
        for row, record in zip(rows[:room], records, strict=True):
            shown = {name: self._text(name, record[name]) for name in (*self._key, *rule.columns)}
            self._examples[rule].append(
                Example(
                    row=int(row),
                    key={name: shown[name] for name in self._key},
                    value=_value(rule.columns, shown),
                )
            )

    def rows(self, rule: Rule) -> np.ndarray:
        """The numbers of the rows that break ``rule``, sorted."""
        return np.concatenate([np.empty(0, np.int64), *self._rows[rule]])

    def quarantined(self, total: int) -> np.ndarray:
        """The numbers of the rows that break a rule of severity ``error``, sorted."""
        broken = np.zeros(total, np.bool_)
        for rule in self._rows:
            if rule.severity == "error":
                broken[self.rows(rule)] = True
        return np.flatnonzero(broken)

    def names(self, rows: np.ndarray) -> list[str]:
        """For each of ``rows`` (sorted) the error rules that it breaks, as text."""
        found: list[list[str]] = [[] for _ in rows]
        for rule in self._rows:
            if rule.severity == "error" and self._rows[rule]:
                for position in np.flatnonzero(np.isin(rows, self.rows(rule), assume_unique=True)):
                    found[position].append(f"{', '.join(rule.columns)}: {rule.check}")
        return ["; ".join(names) for names in found]

    def results(self) -> tuple[RuleResult, ...]:
        """Every rule with what broke it, in the order of the rules."""
        return tuple(
            RuleResult(
                column=", ".join(rule.columns),
                check=rule.check,
                severity=rule.severity,
                rows=sum(part.size for part in parts),
                examples=tuple(self._examples[rule]),
            )
            for rule, parts in self._rows.items()
        )

    def _text(self, name: str, value: object) -> str | None:
        return PRIVATE if value is not None and name in self._private else _text(value)


def _value(columns: Sequence[str], shown: dict[str, str | None]) -> str | None:
    if len(columns) == 1:
        return shown[columns[0]]
    return ", ".join(f"{name}={shown[name]}" for name in columns)


def _text(value: object) -> str | None:
    if isinstance(value, dt.datetime):
        return value.isoformat().replace("+00:00", "Z")
    return None if value is None else str(value)
