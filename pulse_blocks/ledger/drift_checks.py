"""What drift checks have found: verdicts with their reasons, never rewritten."""

from __future__ import annotations

from typing import Any, Literal

import uuid_utils

from pulse_blocks import ids
from pulse_blocks.ledger.base import Row
from pulse_blocks.ledger.catalogue import DRIFT_DETECTED
from pulse_blocks.ledger.outbox import put
from pulse_blocks.ledger.rows import Fact
from pulse_blocks.ledger.table import Table, now_us

Verdict = Literal["too_few_rows", "calm", "suspected", "drifted", "cooling"]
_FIELDS = ("id", "name", "model", "at", "window_start", "window_end", "rows", "verdict", "result")
_WITH_REPORTS = "drift_checks left join drift_reports on check_id = id"
_SELECT = f"select {', '.join(_FIELDS)}, address from {_WITH_REPORTS}"  # noqa: S608 - names of ours
_ALARM = f"{_SELECT} where name = ? and verdict = 'drifted'"


class DriftCheck(Fact, frozen=True, kw_only=True):
    """One check of one window. ``model`` is the champion that was judged.

    The window is in event time where the rows carry it, else in the time of their arrival: microseconds since
    1970, the end not included; both None where there were no rows. ``result`` is the JSON of what was found
    (see ``pulse_blocks.drift.result``). ``report`` is the address of its page, None where none was kept: a fact of its
    own, which comes later (``add_drift_report``).

    ``drifted`` is the one verdict that something follows from. ``suspected`` has not lasted long enough yet,
    ``cooling`` has, but the last alarm is too fresh.
    """

    id: str
    name: str
    model: str
    at: int
    window_start: int | None
    window_end: int | None
    rows: int
    verdict: Verdict
    result: str
    report: str | None = None


class DriftChecks(Table):
    """Facts that only whoever writes the ledger can add: an event about one is believed when it is here."""

    def add_drift_check(self, check: DriftCheck, event: dict[str, Any] | None = None, quiet: int = 0) -> bool:
        """Record a check. With ``event`` its payload goes into the outbox in the same transaction.

        An event needs ``quiet`` microseconds without another alarm of the same name before it: else nothing is written
        and this is False, so that of two checks at the same moment one raises the alarm.
        """
        with self._database.write() as transaction:
            if event is not None:
                if quiet and transaction.execute(
                    f"{_ALARM} and at > ? limit 1", (check.name, check.at - quiet)
                ):
                    return False
                put(transaction, DRIFT_DETECTED.name, f"pulse.model.{check.name}", event)
            transaction.execute(
                f"insert into drift_checks ({', '.join(_FIELDS)}) values ({','.join('?' * len(_FIELDS))})",  # noqa: S608 - names of ours
                [getattr(check, field) for field in _FIELDS],
            )
        return True

    def add_drift_report(self, check: str, address: str) -> None:
        """Record where the page of a check was kept. The first one stays."""
        with self._database.write() as transaction:
            transaction.execute(
                "insert into drift_reports (check_id, address, kept) values (?,?,?) on conflict do nothing",
                (check, address, now_us()),
            )

    def drift_check(self, check: str) -> DriftCheck | None:
        """The check with this id."""
        rows = self._database.read(f"{_SELECT} where id = ?", (check,))
        return _check(rows[0]) if rows else None

    def drift_checks(self, name: str, limit: int = 100) -> list[DriftCheck]:
        """The newest checks of a name, the newest first."""
        rows = self._database.read(
            f"{_SELECT} where name = ? order by at desc, id desc limit ?", (name, limit)
        )
        return [_check(row) for row in rows]

    def last_drift_alarm(self, name: str) -> DriftCheck | None:
        """The newest check of a name that something followed from, whatever the model."""
        rows = self._database.read(f"{_ALARM} order by at desc, id desc limit 1", (name,))
        return _check(rows[0]) if rows else None

    def drift_report_since(self, model: str, at: int) -> bool:
        """Whether a check of a model has kept a page since ``at`` (microseconds since 1970)."""
        found = self._database.read(
            f"select 1 from {_WITH_REPORTS} where model = ? and at >= ? and address is not null limit 1",  # noqa: S608 - names of ours
            (model, at),
        )
        return bool(found)

    def drift_check_of_window(self, model: str, name: str, after: int, until: int) -> DriftCheck | None:
        """The newest check of a model whose window ended after ``after`` and not later than ``until``.

        One that had too few rows to say anything does not count.
        """
        rows = self._database.read(
            f"{_SELECT} where name = ? and model = ? and window_end > ? and window_end <= ?"
            " and verdict <> 'too_few_rows' order by at desc, id desc limit 1",
            (name, model, after, until),
        )
        return _check(rows[0]) if rows else None


def new_drift_check_id() -> str:
    """``drift_`` and a UUIDv7 in base 32: sorts by the time at which it was made."""
    return f"drift_{ids.base32(uuid_utils.uuid7().int)}"


def _check(row: Row) -> DriftCheck:
    return DriftCheck(**dict(zip((*_FIELDS, "report"), row, strict=True)))
