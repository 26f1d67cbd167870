"""What tables hold in practice is the same data, with one snapshot id, from every kind of source."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec, FieldType
from pulse_blocks.records import Window
from pulse_blocks.settings import Datasource
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources import Query, open_source
from pulse_blocks.stores import open_store
from tests.source_writers import Cells, Write

pytestmark = pytest.mark.xdist_group("s3")
EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))
UTC = dt.UTC


def query(columns: dict[str, FieldType], sql: str = "select * from orders", key: str = "id") -> Query:
    """A query for columns by name and type."""
    specs = tuple(
        ColumnSpec(name=name, role="column", field=FieldSpec(type=kind)) for name, kind in columns.items()
    )
    return Query(datasource="orders", sql=sql, columns=specs, key=(key,))


def same_everywhere(writers: list[Write], cells: Cells, asked: Query, folder: Path) -> list[dict[str, Any]]:
    """The rows that every source gives, having one content hash in all of them."""
    tables, contents = [], set()
    for number, write in enumerate(writers):
        source = open_source(write(cells[number:] + cells[:number]))
        found = source.stream(asked)
        tables.append(pa.Table.from_batches(found.batches, found.schema).to_pylist())
        chunks = write_chunks(open_store(str(folder / "store")), source.stream(asked), asked.key)
        contents.add(chunks.content)
    for table in tables:
        assert table == tables[0]
    assert len(contents) == 1
    return tables[0]


def test_nulls_of_every_type(every_writer: list[Write], tmp_path: Path) -> None:
    """A null is a null, whatever the column's type and also where a column holds nothing else."""
    columns: dict[str, FieldType] = {
        "id": "int", "number": "float", "count": "int", "flag": "bool", "text": "string", "at": "timestamp",
        "day": "date", "nothing": "float",
    }  # fmt: skip
    at = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001 - stored naive, as most tables are
    full = {"number": 1.5, "count": 2, "flag": True, "text": "x", "at": at, "day": at.date(), "nothing": None}
    cells = [
        {"id": number, **(full if number % 2 else dict.fromkeys(full)), "nothing": None}
        for number in range(10)
    ]
    found = same_everywhere(every_writer, cells, query(columns), tmp_path)
    assert found[0] == {"id": 0, **dict.fromkeys(full)}
    assert found[1] == {"id": 1, **full, "at": at.replace(tzinfo=UTC)}


def test_decimals(every_writer: list[Write], tmp_path: Path) -> None:
    """The nearest float of the decimal that is written, however a source keeps it."""
    amounts = ["0.10", "-12345678.90", "0.00", "99999999999999.99", "33.33", "1.15", "-0.01"]
    cells = [{"id": number, "amount": Decimal(text)} for number, text in enumerate(amounts)]
    found = same_everywhere(every_writer, cells, query({"id": "int", "amount": "float"}), tmp_path)
    assert [row["amount"] for row in found] == [float(text) for text in amounts]


def test_reals_as_strings(every_writer: list[Write], tmp_path: Path) -> None:
    """A number that the protocol reads as text keeps all its digits, as a key too, in every source alike."""
    numbers = [1234567890.25, 1234567891.25, 20130101.25, 20130101.26, 0.1 + 0.2, -2.5]
    cells: Cells = [{"id": number, "code": -number} for number in numbers]
    found = same_everywhere(every_writer, cells, query({"id": "string", "code": "string"}), tmp_path)
    assert [row["id"] for row in found] == sorted(str(number) for number in numbers)


def test_time_zones(every_writer: list[Write], tmp_path: Path) -> None:
    """A moment is a moment: times with offsets are compared and kept in UTC."""
    times = [
        dt.datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
        dt.datetime(2026, 3, 29, 5, 45, tzinfo=EAST),
        dt.datetime(2026, 1, 1, 2, 0, 0, 123_456, tzinfo=EAST),
    ]
    cells = [{"id": number, "at": time} for number, time in enumerate(times)]
    found = same_everywhere(every_writer, cells, query({"id": "int", "at": "timestamp"}), tmp_path)
    assert [row["at"] for row in found] == [time.astimezone(UTC) for time in times]


FORMS = [
    "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M:%S.000", "%Y-%m-%d %H:%M%:z", "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S.%f%z",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("hours", [2, -3.5])
def test_a_window_over_times_as_text(every_writer: list[Write], form: str, hours: float) -> None:
    """The start is in, the end is out, also within a day and in whatever form and offset the times are written."""
    noon = dt.datetime(2026, 1, 2, 12, tzinfo=UTC)
    step = dt.timedelta(minutes=1)
    times = [noon - step, noon, noon + step, noon + dt.timedelta(days=1) - step, noon + dt.timedelta(days=1)]
    window, expected = Window(start=noon.isoformat(), end=times[-1].isoformat()), [1, 2, 3]
    if form == FORMS[0]:
        times = [dt.datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
        window, expected = Window(start="2026-01-02T00:00:00Z", end="2026-01-04T00:00:00Z"), [1, 2]
    elif "z" in form:
        times = [time.astimezone(dt.timezone(dt.timedelta(hours=hours))) for time in times]
    offset = times[0].strftime("%z")
    pattern = form.replace("%:z", f"{offset[:3]}:{offset[3:]}")
    cells: Cells = [{"at": time.strftime(pattern), "id": number} for number, time in enumerate(times)]
    asked = msgspec.structs.replace(
        query({"at": "timestamp", "id": "int"}, "select * from orders where at >= :start and at < :end"),
        time="at",
        window=window,
    )
    for write in every_writer:
        found = open_source(write(cells)).stream(asked)
        assert pa.Table.from_batches(found.batches).column("id").to_pylist() == expected


@pytest.mark.parametrize("form", ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S+00:00", None])
def test_a_window_over_times_under_another_name(every_writer: list[Write], form: str | None) -> None:
    """Where the query gives the time its name, the window is in the form of what the query reads."""
    times = [dt.datetime(2026, 1, 2, hour, tzinfo=UTC) for hour in (11, 12, 13, 14)]
    cells: Cells = [
        {"ts": time.strftime(form) if form else time.replace(tzinfo=None), "id": number}
        for number, time in enumerate(times)
    ]
    asked = msgspec.structs.replace(
        query(
            {"at": "timestamp", "id": "int"},
            "select ts as at, id from orders where ts >= :start and ts < :end",
        ),
        time="at",
        window=Window(start=times[1].isoformat(), end=times[3].isoformat()),
    )
    for write in every_writer:
        found = open_source(write(cells)).stream(asked)
        assert pa.Table.from_batches(found.batches).column("id").to_pylist() == [1, 2]


def test_a_window_over_several_offsets_is_refused(every_writer: list[Write]) -> None:
    """Where text does not compare as the times that it means, no rows are chosen by it."""
    cells: Cells = [
        {"id": 1, "at": "2026-03-29T01:30:00+01:00"},
        {"id": 2, "at": "2026-03-29T03:30:00+02:00"},
    ]
    asked = msgspec.structs.replace(
        query({"at": "timestamp", "id": "int"}, "select * from orders where at >= :start and at < :end"),
        time="at",
        window=Window(start="2026-03-29T00:00:00Z", end="2026-03-30T00:00:00Z"),
    )
    for write in every_writer:
        with pytest.raises(PulseError, match="several forms") as caught:
            open_source(write(cells)).stream(asked)
        assert caught.value.code == "source.order"


def test_names_with_spaces_and_quotes(every_writer: list[Write], tmp_path: Path) -> None:
    """A column may be called anything; one that the protocol does not name may even hold double quotes."""
    columns: dict[str, FieldType] = {
        "order id": "int", "it's": "float", "select": "int", "größe (m²)": "float", "100%": "int", ":start": "int",
    }  # fmt: skip
    cells = [
        {**{name: (number + at) / 2 if kind == "float" else number + at
            for at, (name, kind) in enumerate(columns.items())}, 'say "no"': number}
        for number in range(20)
    ]  # fmt: skip
    asked = query(columns, key="order id")
    found = same_everywhere(every_writer, cells, asked, tmp_path)
    assert found[3] == {name: cells[3][name] for name in columns}


def test_a_wide_table(every_writer: list[Write], tmp_path: Path) -> None:
    """Three hundred columns of mixed types."""
    kinds: list[FieldType] = ["float", "int", "string", "bool"]
    columns: dict[str, FieldType] = {"id": "int"} | {f"c{at:03d}": kinds[at % 4] for at in range(300)}
    make = {
        "float": lambda n: n / 3,
        "int": lambda n: n,
        "string": lambda n: f"t{n}",
        "bool": lambda n: n % 2 == 0,
    }
    cells = [
        {"id": number, **{name: make[kind](number + at) for at, (name, kind) in enumerate(columns.items())
                          if name != "id"}}
        for number in range(30)
    ]  # fmt: skip
    assert same_everywhere(every_writer, cells, query(columns), tmp_path) == cells


def test_an_empty_result(write: Write) -> None:
    """A query that gives no row is an error that says so, not an empty snapshot; also where nothing fits a type."""
    cells = [{"id": 1, "x": 1.5, "text": "a"}]
    asked = query({"id": "int", "x": "float", "text": "string"}, "select * from orders where id > 1")
    with pytest.raises(PulseError, match="gives no rows") as caught:
        open_source(write(cells)).stream(asked)
    assert caught.value.code == "source.empty"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "date64", "date32"])
@pytest.mark.parametrize("kind", ["timestamp", "date"])
@pytest.mark.parametrize("days", [2_932_897, -719_163, 2_000_000_000])
def test_times_of_files_outside_the_calendar(tmp_path: Path, unit: str, kind: FieldType, days: int) -> None:
    """Whatever the unit of a Parquet file, times outside the years 1 to 9999 are named and refused."""
    import pyarrow.parquet as pq

    stored = pa.timestamp(unit) if unit in ("s", "ms", "us") else pa.type_for_alias(unit)
    steps = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "date64": 86_400_000, "date32": 1}[unit]
    if unit == "us":
        days = min(days, 100_000_000)
    values = pa.array([0, days * steps], pa.int32() if unit == "date32" else pa.int64()).cast(stored)
    pq.write_table(pa.table({"id": [1, 2], "at": values}), tmp_path / "orders.parquet")
    with pytest.raises(PulseError, match=f"column at holds .* in the row id=2, which is no {kind}") as caught:
        open_source(Datasource(str(tmp_path / "orders.parquet"))).stream(query({"id": "int", "at": kind}))
    assert caught.value.code == "source.value"


def test_files_that_differ_in_what_they_hold(tmp_path: Path) -> None:
    """Of several CSV files one may be empty, hold whole numbers alone, or no value in a column."""
    for number, text in enumerate(
        ("id,x,n,flag\n", "id,x,n,flag\n1,2,,true\n", "id,x,n,flag\n2,2.5,7,false\n")
    ):
        (tmp_path / f"part-{number}.csv").write_text(text)
    asked = query(
        {"id": "int", "x": "float", "n": "int", "flag": "bool"}, "select * from orders where x < 3 and id > 0"
    )
    found = open_source(Datasource(str(tmp_path / "*.csv"))).stream(asked)
    assert pa.Table.from_batches(found.batches, found.schema).to_pylist() == [
        {"id": 1, "x": 2.0, "n": None, "flag": True},
        {"id": 2, "x": 2.5, "n": 7, "flag": False},
    ]
