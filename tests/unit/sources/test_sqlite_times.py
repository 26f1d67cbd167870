"""SQLite: windows compared with times of every form, and the order of times."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.records import Window
from pulse_blocks.settings import Datasource
from pulse_blocks.sources import Query, open_source
from tests.sqlite_tables import column, database

DAY = Window(start="2026-01-02T00:00:00Z", end="2026-01-03T00:00:00Z")

TIMES = [
    ("text", ["2026-01-01 23:59:59", "2026-01-02 00:00:00", "2026-01-02 23:59:59", "2026-01-03 00:00:00"]),
    ("text", ["2026-01-01T23:59:59", "2026-01-02T00:00:00", "2026-01-02T23:59:59", "2026-01-03T00:00:00"]),
    (
        "text",
        ["2026-01-01T23:59:59Z", "2026-01-02T00:00:00Z", "2026-01-02T23:59:59Z", "2026-01-03T00:00:00Z"],
    ),
    (
        "datetime",
        [
            "2026-01-01 23:59:59.999999",
            "2026-01-02 00:00:00.000000",
            "2026-01-02 23:59:59.999999",
            "2026-01-03 00:00:00.000000",
        ],
    ),
    (
        "text",
        [
            "2026-01-01 23:59:59+00:00",
            "2026-01-02 00:00:00+00:00",
            "2026-01-02 23:59:59+00:00",
            "2026-01-03 00:00:00+00:00",
        ],
    ),
    ("text", ["2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03"]),
    ("text", ["2026-01-01 23:59", "2026-01-02 00:00", "2026-01-02 23:59", "2026-01-03 00:00"]),
    (
        "text",
        [
            "2026-01-02T01:59:59+02:00",
            "2026-01-02T02:00:00+02:00",
            "2026-01-03T01:59:59+02:00",
            "2026-01-03T02:00:00+02:00",
        ],
    ),
    ("integer", [1767311999, 1767312000, 1767398399, 1767398400]),
    ("", [1767311999, 1767312000, 1767398399, 1767398400]),
]


def _timed(path: Path, window: Window | None, sql: str) -> list[int]:
    query = Query(
        datasource="t",
        sql=sql,
        columns=(column("x", "timestamp"), column("k", "int")),
        time="x",
        key=("k",),
        window=window,
    )
    found = open_source(Datasource(f"sqlite:///{path}")).stream(query)
    return list(pa.Table.from_batches(found.batches).column("k").to_pylist())


@pytest.mark.parametrize(("declared", "times"), TIMES)
def test_window_in_every_form_of_time(tmp_path: Path, declared: str, times: list[object]) -> None:
    """The window's start is in, its end is out, in whatever form the table keeps its times."""
    path = database(tmp_path, f"x {declared}, k integer", [(time, key) for key, time in enumerate(times)])
    assert _timed(path, DAY, "select * from t where x >= :start and x < :end") == [1, 2]


def test_window_within_a_day(tmp_path: Path) -> None:
    """An end within the day counts by the second; for a table of dates it is the day's end."""
    noon = Window(start="2026-01-02T12:00:00Z", end="2026-01-03T12:00:00Z")
    sql = "select * from t where x >= :start and x < :end"
    cells = [
        ("2026-01-02T11:59:59", 0),
        ("2026-01-02T12:00:00", 1),
        ("2026-01-03T11:59:59", 2),
        ("2026-01-03T12:00:00", 3),
    ]
    assert _timed(database(tmp_path, "x text, k integer", cells), noon, sql) == [1, 2]
    other = tmp_path / "dates"
    other.mkdir()
    dates = [("2026-01-02", 0), ("2026-01-03", 1), ("2026-01-04", 2)]
    assert _timed(database(other, "x text, k integer", dates), noon, sql) == [1]


def test_times_of_mixed_forms_are_sorted_as_instants(tmp_path: Path) -> None:
    """Text that does not sort as the times it means is sorted as times."""
    cells = [
        ("2026-01-01T00:00:04Z", 4),
        ("2026-01-01 00:00:05", 5),
        ("2026-01-01 01:00:01+01:00", 1),
        ("2025-12-31 23:00:02.5-01:00", 2),
        ("2026-01-01", 0),
        ("2026-01-01 00:00:03.000001", 3),
    ]
    assert _timed(database(tmp_path, "x text, k integer", cells), None, "select * from t") == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]


def test_offsets_that_hide_the_order(tmp_path: Path) -> None:
    """Times of one length in different zones are seen as mixed, too."""
    cells = [
        ("2026-01-01 05:00:00+05:30", 0),
        ("2026-01-01 04:00:00+00:30", 2),
        ("2026-01-01 02:00:00+00:00", 1),
    ]
    assert _timed(database(tmp_path, "x text, k integer", cells), None, "select * from t") == [0, 1, 2]


def test_a_zone_in_place_of_a_fraction(tmp_path: Path) -> None:
    """A zone is seen where others have the digits of a second."""
    cells = [("2026-01-01 02:30:00.000000", 1), ("2026-01-01 03:00:04.500+01", 0)]
    assert _timed(database(tmp_path, "x text, k integer", cells), None, "select * from t") == [0, 1]


@pytest.mark.parametrize("text", ["2026-01-0x 00:00:00", "????-??-?? ??:??:??", "2026-01-01 00:00:0é"])
def test_marks_of_a_time_without_its_digits(tmp_path: Path, text: str) -> None:
    """Text that looks like a time but for its digits is refused."""
    path = database(tmp_path, "x text, k integer", [("2026-01-01 00:00:00", 0), (text, 1)])
    with pytest.raises(PulseError) as caught:
        _timed(path, None, "select * from t")
    assert caught.value.code == "source.value"
