"""Questions over windows in event time are answered from their index, however many rows there are."""

from __future__ import annotations

from typing import Any

from pulse_blocks import ids
from pulse_blocks.ledger import Ledger, migrate, open_ledger
from pulse_blocks.ledger.base import Row, Values
from pulse_blocks.ledger.migrating import engine_of
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.ledger.table import now_us

INDEX = "inferences_model_time"
HOUR = 3_600_000_000


class Explaining:
    """A database that asks for the plan of every query over inferences before it answers it."""

    def __init__(self, database: Any, words: str) -> None:
        self._database, self._words = database, words
        self.plans: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def read(self, sql: str, values: Values = ()) -> list[Row]:
        """The rows."""
        plan = self._database.read(f"{self._words} {sql}", values)
        self.plans.append("\n".join(str(row[-1]) for row in plan))
        return list(self._database.read(sql, values))


def test_the_index_over_event_times_is_used(empty_url: str) -> None:
    """Newest time, count, rows, labelled rows and the last rows of a window: no plan reads the whole table."""
    migrate(empty_url)
    with open_ledger(empty_url) as ledger:
        _fill(ledger, 5_000)
        with engine_of(empty_url).begin() as connection:
            connection.exec_driver_sql("analyze")
        words = "explain query plan" if empty_url.startswith("sqlite") else "explain"
        explaining = Explaining(ledger._database, words)
        asking = Ledger(explaining)
        assert asking.newest_time("m") == 4_999
        assert asking.rows_within("m", 2_000, 2_020) == 20
        assert len(asking.observed("m", 2_000, 2_020)) == 20
        assert len(asking.labelled("m", 2_000, 2_020)) == 2
        assert asking.times_before("m", 2_000, 3) == [1_999, 1_998, 1_997]
        assert len(explaining.plans) == 5
        for plan in explaining.plans:
            assert INDEX in plan, plan
            assert "SCAN inferences" not in plan, plan
            assert "Seq Scan on inferences" not in plan, plan


def _fill(ledger: Ledger, count: int, first: int = 0) -> None:
    """Rows that arrived all at once, each at its own time; every tenth has a label."""
    made = [ids.new_inference_id() for _ in range(count)]
    ledger.append(
        [
            (one, 7, time, None, "m", "{}", "{}", b"1" * 32, b"1" * 32, 1, 0)
            for time, one in enumerate(made, first)
        ]
    )
    ledger.label([NewLabel(inference=one, value="true") for one in made[::10]])


def test_a_row_that_is_dated_far_ahead_is_not_the_newest(empty_url: str) -> None:
    """Its time cannot be believed, and would make a window of it alone; a clock that is an hour fast can."""
    migrate(empty_url)
    now = now_us()
    with open_ledger(empty_url) as ledger:
        _fill(ledger, 10)
        assert ledger.newest_time("m") == 9
        _fill(ledger, 1, now + 48 * HOUR)
        assert ledger.newest_time("m") == 9
        _fill(ledger, 1, now + HOUR)
        assert ledger.newest_time("m") == now + HOUR
