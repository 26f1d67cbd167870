"""Cron expressions of five fields."""

from __future__ import annotations

import datetime as dt
import re

from pulse_blocks.protocol.problems import Path, Problems

_LONGEST = 200
_FIVE_FIELDS = re.compile(r"[0-9A-Za-z*,/-]+( +[0-9A-Za-z*,/-]+){4}\Z")


def check_schedule(schedule: str | None, path: Path, problems: Problems) -> None:
    """A schedule that cron understands and that comes due some day. None is no schedule."""
    if schedule is None:
        return
    reason = _fault(schedule)
    if reason:
        problems.add(
            path,
            "bad_schedule",
            f"Not a cron schedule: {reason}.",
            'Minute, hour, day, month, weekday: "0 3 * * 1" is Mondays at 3:00 UTC.',
        )


def _fault(schedule: str) -> str | None:
    from cronsim import CronSim, CronSimError

    if len(schedule) > _LONGEST or not _FIVE_FIELDS.match(schedule):
        return "five fields are needed"
    try:
        next(CronSim(schedule, dt.datetime(2024, 1, 1, tzinfo=dt.UTC)))
    except CronSimError as error:
        return str(error).replace("Bad", "bad")
    except StopIteration:
        return "it never comes due"
    return None
