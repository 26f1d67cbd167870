"""What every source must do: the same rows, the same errors, the same snapshot, wherever rows are kept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec, FieldType
from pulse_blocks.records import Window
from pulse_blocks.snapshots.writing import write_chunks
from pulse_blocks.sources import Query, Rows, open_source
from pulse_blocks.stores import open_store
from tests.source_writers import Cells, Write


def _column(name: str, kind: FieldType, values: tuple[str | int, ...] | None = None) -> ColumnSpec:
    return ColumnSpec(name=name, role="column", field=FieldSpec(type=kind, values=values))


COLUMNS = (
    _column("at", "timestamp"),
    _column("id", "string"),
    _column("amount", "float"),
    _column("pieces", "int"),
    _column("carrier", "category", ("AA", "UA")),
    _column("grade", "category", (1, 2, 3)),
    _column("paid", "bool"),
    _column("note", "string"),
    _column("due", "date"),
)
QUERY = Query(
    datasource="orders",
    sql="select * from orders where at >= :start and at < :end and pieces is not null",
    columns=COLUMNS,
    window=Window(start="2026-01-02T00:00:00Z", end="2026-01-05T12:00:00Z"),
    time="at",
    key=("id",),
)


def rows(count: int = 500) -> Cells:
    """Orders, not in order: several at one time, ids whose order as text is not that as numbers, nulls."""
    start = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - stored naive, as most tables are
    return [
        {
            "at": start + dt.timedelta(hours=(number * 7 % count) // 3),
            "id": number * 37 % count,
            "amount": None if number % 11 == 0 else number / 7,
            "pieces": None if number % 29 == 0 else number % 5,
            "carrier": "AA" if number % 2 else "UA",
            "grade": number % 3 + 1,
            "paid": number % 3 == 0,
            "note": None if number % 4 else f"note {number}, “quoted”",
            "due": (start + dt.timedelta(days=number % 9)).date(),
            "unnamed": number,
        }
        for number in range(count)
    ]


def _read(found: Rows) -> pa.Table:
    return pa.Table.from_batches(found.batches, found.schema)


def _expected() -> Cells:
    window = (dt.datetime(2026, 1, 2), dt.datetime(2026, 1, 5, 12))  # noqa: DTZ001 - as stored
    chosen = [row for row in rows() if window[0] <= row["at"] < window[1] and row["pieces"] is not None]
    names = [column.name for column in COLUMNS]
    plain = [{name: row[name] for name in names} for row in chosen]
    for row in plain:
        row["at"] = row["at"].replace(tzinfo=dt.UTC)
        row["id"] = str(row["id"])
    return sorted(plain, key=lambda row: (row["at"], row["id"].encode()))


def test_rows_in_canonical_types_and_order(write: Write) -> None:
    """The rows of the window come by time and then by key (as text, since the protocol says so), typed."""
    found = open_source(write(rows())).stream(QUERY)
    assert found.left_out == ("unnamed",)
    assert _read(found).to_pylist() == _expected()


@pytest.mark.xdist_group("s3")
def test_same_snapshot_whatever_the_source(tmp_path: Path, every_writer: list[Write]) -> None:
    """The same rows have the same content hash and the same files, wherever and in whatever order they are kept."""
    everything = Query(
        datasource="orders", sql="select * from orders", columns=COLUMNS, time="at", key=("id",)
    )
    written = []
    for number, each in enumerate(every_writer):
        cells = rows(9_000)
        cells = cells[number * 1000 :] + cells[: number * 1000]
        found = open_source(each(cells)).stream(everything)
        written.append(write_chunks(open_store(str(tmp_path / "store")), found, ("id",)))
    assert len({one.content for one in written}) == 1
    assert [one.new_bytes for one in written[1:]] == [0] * (len(every_writer) - 1)
    assert written[0].rows == 9_000


def test_keyless_rows_have_one_order_too(write: Write) -> None:
    """Without a key rows of one time are ordered by all their columns; without a time all rows are."""
    for time in ("at", None):
        query = Query(datasource="orders", sql="select * from orders", columns=COLUMNS, time=time)
        contents = []
        for cells in (rows(), rows()[::-1]):
            folder = _read(open_source(write(cells)).stream(query))
            contents.append(folder.to_pylist())
        assert contents[0] == contents[1]


def test_columns_missing(write: Write) -> None:
    """Columns that the query does not give are named, each with the nearest one that it does give."""
    query = Query(
        datasource="orders",
        sql=QUERY.sql,
        columns=(*COLUMNS, _column("carier", "string")),
        window=QUERY.window,
    )
    with pytest.raises(PulseError, match=r"carier \(nearest: carrier\)") as caught:
        open_source(write(rows())).stream(query)
    assert caught.value.code == "source.columns_missing"


def test_empty_window(write: Write) -> None:
    """A window without rows is an error that names it."""
    window = Window(start="2031-01-01T00:00:00Z", end="2031-02-01T00:00:00Z")
    query = Query(datasource="orders", sql=QUERY.sql, columns=COLUMNS, window=window, time="at", key=("id",))
    with pytest.raises(PulseError, match="2031-01-01T00:00:00Z") as caught:
        open_source(write(rows())).stream(query)
    assert caught.value.code == "source.empty"


@pytest.mark.parametrize("sql", ["select * from nowhere", "selec", "select nothing from orders"])
def test_bad_query(write: Write, sql: str) -> None:
    """A query that cannot run is the query's fault: one clear sentence, no traceback of a driver."""
    query = Query(datasource="orders", sql=sql, columns=COLUMNS)
    with pytest.raises(PulseError, match="orders") as caught:
        open_source(write(rows())).stream(query)
    assert caught.value.code == "source.query"


def test_bad_value(write: Write) -> None:
    """Text in a column of numbers is never a number: column, row and value are named."""
    query = Query(
        datasource="orders",
        sql="select at, id, carrier as amount from orders",
        columns=COLUMNS[:3],
        time="at",
        key=("id",),
    )
    with pytest.raises(PulseError, match=r"column amount holds '(AA|UA)' in the row at=.*, id=") as caught:
        _read(open_source(write(rows())).stream(query))
    assert caught.value.code == "source.value"


def test_parameters(write: Write) -> None:
    """A parameter in a comment or a string is none; an unknown one, or one without a window, is refused."""
    source = open_source(write(rows()))
    sql = "select * from orders -- :never\nwhere carrier <> ':start' and at < :end"
    found = source.stream(
        Query(datasource="orders", sql=sql, columns=COLUMNS, window=QUERY.window, time="at")
    )
    assert _read(found).num_rows > 0
    for sql, window, code in (
        ("select * from orders where at < :begin", QUERY.window, "source.parameter"),
        ("select * from orders where at < :end", None, "source.window_missing"),
    ):
        with pytest.raises(PulseError) as caught:
            source.stream(Query(datasource="orders", sql=sql, columns=COLUMNS, window=window))
        assert caught.value.code == code


def test_source_can_be_tested(write: Write) -> None:
    """A person is told in a sentence that the source can be read."""
    assert "can be read" in open_source(write(rows())).test()


def test_a_peek_gives_some_rows_with_all_columns(write: Write) -> None:
    """A draft is made from rows of unknown columns: as many as asked, times unbounded, the query's own columns."""
    source = open_source(write(rows()))
    ever = Window(start="1000-01-01T00:00:00Z", end="9999-12-31T00:00:00Z")
    sql = "select * from orders where at >= :start and at < :end;"
    table = source.peek(Query(datasource="orders", sql=sql, columns=(), window=ever), 123)
    assert table.column_names == list(rows(1)[0])
    assert table.num_rows == 123
    everything = source.peek(Query(datasource="orders", sql=sql, columns=(), window=ever), 1000)
    assert everything.num_rows == 500
    assert everything.column("amount").null_count == sum(row["amount"] is None for row in rows())
    nothing = source.peek(Query(datasource="orders", sql="select * from orders where 1 = 0", columns=()), 5)
    assert nothing.num_rows == 0
    with pytest.raises(PulseError) as caught:
        source.peek(Query(datasource="orders", sql="select nothing from orders", columns=()), 5)
    assert caught.value.code == "source.query"
