"""PostgreSQL's own types, times in every form, and what a query must not do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from pulse_blocks.errors import PulseError, UnavailableError
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.spec import FieldSpec, FieldType
from pulse_blocks.records import Window
from pulse_blocks.settings import Datasource
from pulse_blocks.sources import Query, open_source

NOON = Window(start="2026-01-02T12:00:00Z", end="2026-01-03T12:00:00Z")


def _values(url: str, sql: str, kind: FieldType, window: Window | None = None) -> list[Any]:
    """The values of a column x, by a column at."""
    columns = tuple(
        ColumnSpec(name=name, role="column", field=FieldSpec(type=each))
        for name, each in (("at", "timestamp"), ("x", kind))
    )
    query = Query(datasource="t", sql=sql, columns=columns, time="at", window=window)
    found = open_source(Datasource(url)).stream(query)
    return list(pa.Table.from_batches(found.batches).column("x").to_pylist())


def _execute(url: str, *statements: str) -> None:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("expression", "kind", "value"),
    [
        ("1.25::numeric", "float", 1.25),
        ("'NaN'::float8", "float", None),
        ("'NaN'::numeric", "float", None),
        ("2::smallint", "float", 2.0),
        ("9007199254740993::bigint", "int", 9007199254740993),
        ("7::numeric", "int", 7),
        ("3.00::numeric(10, 2)", "int", 3),
        ("-9007199254740993.0::numeric", "int", -9007199254740993),
        ("1.00::numeric(10, 2)", "bool", True),
        ("3.00::numeric(10, 2)", "string", "3.00"),
        ("1", "bool", True),
        ("true", "bool", True),
        ("'a'::varchar(3)", "string", "a"),
        ("12::bigint", "string", "12"),
        ("'2026-01-02 03:04:05'::timestamp", "timestamp", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (
            "'2026-01-02 03:04:05+02'::timestamptz",
            "timestamp",
            dt.datetime(2026, 1, 2, 1, 4, 5, tzinfo=dt.UTC),
        ),
        ("'2026-01-02'::date", "date", dt.date(2026, 1, 2)),
        ("null::text", "float", None),
    ],
)
def test_types(postgres: str, expression: str, kind: FieldType, value: object) -> None:
    """Each type of the database arrives in the protocol's type, exactly."""
    assert _values(postgres, f"select now() as at, {expression} as x", kind) == [value]


@pytest.mark.parametrize("expression", ["2.50::numeric", "'NaN'::numeric", "'3.00'::text"])
def test_no_whole_numbers(postgres: str, expression: str) -> None:
    """A fraction is no whole number, and neither is text that is not written as one."""
    with pytest.raises(PulseError, match=r"column x holds .*, which is no int"):
        _values(postgres, f"select now() as at, {expression} as x", "int")


@pytest.mark.parametrize("value", ["infinity", "-infinity", "20000-01-01", "0044-03-15 BC"])
@pytest.mark.parametrize("stored", ["timestamp", "timestamptz", "date"])
@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_times_outside_the_calendar(postgres: str, value: str, stored: str, kind: FieldType) -> None:
    """A time that no calendar here can hold is refused where it is read, not kept as another one."""
    with pytest.raises(PulseError, match=f"column x holds .*, which is no {kind}") as caught:
        _values(postgres, f"select now() as at, '{value}'::{stored} as x", kind)
    assert caught.value.code == "source.value"
    with pytest.raises(PulseError, match="column at holds"):
        _values(postgres, f"select '{value}'::{stored} as at, 1 as x", "int")


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "text", "bigint"])
def test_window(postgres: str, kind: str) -> None:
    """The window's start is in and its end is out, whatever the type of the time."""
    times = ["2026-01-02 11:59:59", "2026-01-02 12:00:00", "2026-01-03 11:59:59", "2026-01-03 12:00:00"]
    values = [
        f"(extract(epoch from '{time}+00'::timestamptz)::bigint, {number})"
        if kind == "bigint"
        else f"('{time}{'+00' if kind == 'timestamptz' else ''}'::{kind}, {number})"
        for number, time in enumerate(times)
    ]
    _execute(
        postgres,
        "drop table if exists w",
        f"create table w (at {kind}, x int)",
        f"insert into w values {', '.join(reversed(values))}",  # noqa: S608 - the values above
    )
    sql = "select * from w where at >= :start and at < :end"
    assert _values(postgres, sql, "int", NOON) == [1, 2]


def test_nothing_is_changed(postgres: str) -> None:
    """A query that would write, even by a function, is refused."""
    _execute(
        postgres,
        "drop table if exists kept",
        "create table kept (x int)",
        "create or replace function sneak() returns int language sql volatile as"
        " 'insert into kept values (1) returning x'",
    )
    for sql in ("select now() as at, sneak() as x", "delete from kept returning now() as at, 1 as x"):
        with pytest.raises(PulseError) as caught:
            _values(postgres, sql, "int")
        assert caught.value.code == "source.query"
    assert _values(postgres, "select now() as at, count(*) as x from kept", "int") == [0]


def test_server_goes_away(postgres: str) -> None:
    """A connection that is cut in the middle of the rows makes the source unavailable."""
    sql = (
        "select now() as at, case when n = 400000 then pg_terminate_backend(pg_backend_pid())::int else 1 end as x"
        " from generate_series(1, 400001) n"
    )
    with pytest.raises(UnavailableError) as caught:
        _values(postgres, sql, "int")
    assert caught.value.code == "source.failed"


def test_out_of_reach() -> None:
    """A server that does not answer is out of reach: callers may try again."""
    with pytest.raises(UnavailableError) as caught:
        _values("postgresql://pulse:secret@127.0.0.1:1/none", "select 1", "int")
    assert "secret" not in str(caught.value)
