"""Inferences of a model by event time: those windows that drift is looked for in, as far as they are in the ledger.

An inference without an event time counts at the time of its arrival. What is in files is added by
``pulse_blocks.archive.windows``.
"""

from __future__ import annotations

from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

_TIME = "coalesce(event_time, at)"
_WITHIN = f"model = ? and {_TIME} >= ? and {_TIME} < ?"
_BELOW = " and (cast(? as text) = '' or substr(id, length(id) - 1) < ?)"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LEVELS = len(_ALPHABET) ** 2
_DAY = 24 * 3_600_000_000


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
        """The newest event time of a model's inferences that can be believed."""
        rows = self._database.read(
            f"select max({_TIME}) from inferences where model = ? and {_TIME} <= ?",  # noqa: S608 - words of ours
            (model, latest_time()),
        )
        return None if rows[0][0] is None else int(rows[0][0])

    def times_before(self, model: str, end: int, most: int) -> list[int]:
        """The event times of the last ``most`` inferences before ``end``, the newest first."""
        rows = self._database.read(
            f"select {_TIME} from inferences where model = ? and {_TIME} < ? order by {_TIME} desc limit ?",  # noqa: S608 - words of ours
            (model, end, most),
        )
        return [int(row[0]) for row in rows]

    def rows_within(self, model: str, start: int, end: int) -> int:
        """How many inferences a window has."""
        return int(
            self._database.read(f"select count(*) from inferences where {_WITHIN}", (model, start, end))[0][0]  # noqa: S608 - words of ours
        )

    def observed(self, model: str, start: int, end: int, border: str = "") -> list[Observed]:
        """The inferences of a window, by id: all, or those of a part (see ``part``)."""
        rows = self._database.read(
            f"select id, {_TIME}, input, output from inferences where {_WITHIN}{_BELOW} order by id",  # noqa: S608 - words of ours
            (model, start, end, border, border),
        )
        return [Observed(id=i, time=int(t), input=text, output=out) for i, t, text, out in rows]

    def labelled(self, model: str, start: int, end: int, border: str = "") -> list[Labelled]:
        """The inferences of a window that have a label, each with its newest one: all, or those of a part."""
        rows = self._database.read(
            "select id, output, (select value from labels where inference = inferences.id order by seq desc limit 1)"  # noqa: S608 - words of ours
            f" from inferences where {_WITHIN}{_BELOW}"
            " and exists (select 1 from labels where inference = inferences.id) order by id",
            (model, start, end, border, border),
        )
        return [Labelled(id=i, output=out, label=label) for i, out, label in rows]


def latest_time() -> int:
    """A row that is dated a day ahead or further is a mistake, and would make every other one old."""
    return now_us() + _DAY


def part(rows: int, most: int) -> str:
    """Which part of ``rows`` inferences is about ``most`` of them, in 1,024ths: those whose ids end below this border.

    The last two digits of an id are random, so the part is, and it is the same each time. Empty: all of them.
    """
    if rows <= most:
        return ""
    level = max(most * _LEVELS // rows, 1)
    return _ALPHABET[level >> 5] + _ALPHABET[level & 31]
