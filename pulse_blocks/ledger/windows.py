"""Inferences of a model by event time: the windows that drift is looked for in.

An inference without an event time counts at the time of its arrival.
"""

from __future__ import annotations

from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table

_TIME = "coalesce(event_time, at)"
_WITHIN = f"model = ? and {_TIME} >= ? and {_TIME} < ?"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LEVELS = len(_ALPHABET) ** 2


class Observed(Fact, frozen=True, kw_only=True):
    """What was asked and answered, as JSON, at ``time`` (microseconds since 1970)."""

    id: str
    time: int
    input: str
    output: str


class Labelled(Fact, frozen=True, kw_only=True):
    """An answer and what turned out to be true: the newest label, as JSON."""

    id: str
    output: str
    label: str


class Windows(Table):
    """Questions over windows ``start <= t < end``, in microseconds since 1970."""

    def newest_time(self, model: str) -> int | None:
        """The newest event time of a model's inferences."""
        rows = self._database.read(f"select max({_TIME}) from inferences where model = ?", (model,))  # noqa: S608 - words of ours
        return None if rows[0][0] is None else int(rows[0][0])

    def time_of_row(self, model: str, end: int, rows: int) -> tuple[int, int] | None:
        """The event time at which the last ``rows`` rows before ``end`` begin, and how many there are (up to it)."""
        found = self._database.read(
            f"select min(t), count(*) from (select {_TIME} as t from inferences where model = ? and {_TIME} < ?"  # noqa: S608 - words of ours
            " order by t desc limit ?) as newest",
            (model, end, rows),
        )
        return None if found[0][0] is None else (int(found[0][0]), int(found[0][1]))

    def rows_within(self, model: str, start: int, end: int) -> int:
        """How many inferences a window has."""
        return int(
            self._database.read(f"select count(*) from inferences where {_WITHIN}", (model, start, end))[0][0]  # noqa: S608 - words of ours
        )

    def observed(self, model: str, start: int, end: int, most: int) -> list[Observed]:
        """The inferences of a window, by id; of more than about ``most`` a random part, the same each time.

        Which rows are taken is decided by the last two digits of their ids, which are random.
        """
        part = _part(self.rows_within(model, start, end), most)
        rows = self._database.read(
            f"select id, {_TIME}, input, output from inferences where {_WITHIN}{part} order by id",  # noqa: S608 - words of ours
            (model, start, end),
        )
        return [Observed(id=i, time=int(t), input=text, output=out) for i, t, text, out in rows]

    def labelled(self, model: str, start: int, end: int, most: int) -> list[Labelled]:
        """The inferences of a window that have a label, each with its newest one; of too many a part, as above."""
        part = _part(self.rows_within(model, start, end), most)
        rows = self._database.read(
            "select id, output, (select value from labels where inference = inferences.id order by seq desc limit 1)"  # noqa: S608 - words of ours
            f" from inferences where {_WITHIN}{part}"
            " and exists (select 1 from labels where inference = inferences.id) order by id",
            (model, start, end),
        )
        return [Labelled(id=i, output=out, label=label) for i, out, label in rows]


def _part(rows: int, most: int) -> str:
    """A condition that a part of ids meets: ``most`` of ``rows``, in 1,024ths."""
    if rows <= most:
        return ""
    level = max(most * _LEVELS // rows, 1)
    border = _ALPHABET[level >> 5] + _ALPHABET[level & 31]
    return f" and substr(id, length(id) - 1) < '{border}'"
