"""What one column of some rows looks like: its type in the language, its range or values, its nulls."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from pulse_blocks.protocol.spec import FieldType

# A text column with more values than this is no category; neither is one where most rows have a value of their own.
MOST_VALUES = 200
_REPEATED = 3
_LONGEST = 60
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d(:?\d\d)?)?)?")
_TIME_NAMES = re.compile(r"(^|_)(at|time|timestamp|ts|date|day|when)(_|$)", re.IGNORECASE)
_EPOCHS = (10**9, 4 * 10**9)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A column as it was seen in ``rows`` rows. ``note`` is a doubt that a person should settle."""

    name: str
    type: FieldType
    rows: int
    nulls: int
    distinct: int
    least: float | None = None
    greatest: float | None = None
    first: str | None = None
    last: str | None = None
    values: tuple[str | int, ...] = ()
    note: str | None = None


def look(name: str, column: Any) -> Seen | None:
    """A column (pa.ChunkedArray) as it was seen.

    None where nothing but null was, or what the language cannot hold: a type without a name in it, whole numbers from
    2^63 on, times outside the years 1 to 9999.
    """
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.DictionaryType):
        column, kind = column.cast(kind.value_type), kind.value_type
    if column.null_count == len(column):
        return None
    if pa.types.is_boolean(kind):
        return _seen(name, column, "bool")
    if pa.types.is_integer(kind):
        return _whole(name, column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _numbers(name, column.cast(pa.float64()), "float")
    return _other(name, column, kind)


def _other(name: str, column: Any, kind: Any) -> Seen | None:
    import pyarrow as pa

    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times(name, column, "date" if pa.types.is_date(kind) else "timestamp")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return _text(name, column.cast(pa.string()))
    return None


def _seen(name: str, column: Any, kind: FieldType, **facts: Any) -> Seen:
    import pyarrow.compute as pc

    return Seen(
        name=name,
        type=kind,
        rows=len(column),
        nulls=column.null_count,
        distinct=pc.count_distinct(column, mode="only_valid").as_py(),
        **facts,
    )


def _numbers(name: str, column: Any, kind: FieldType, note: str | None = None) -> Seen:
    import pyarrow.compute as pc

    finite = column.filter(pc.is_finite(column)) if kind == "float" else column
    ends = pc.min_max(finite).as_py()
    return _seen(name, column, kind, least=ends["min"], greatest=ends["max"], note=note)


def _whole(name: str, column: Any) -> Seen | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    ends = pc.min_max(column).as_py()
    if ends["max"] >= 2**63:
        return None
    if ends["min"] >= 0 and ends["max"] <= 1:
        return _seen(name, column, "bool", note="0 and 1 in the source")
    if _TIME_NAMES.search(name) and ends["min"] >= _EPOCHS[0] and ends["max"] < _EPOCHS[1]:
        return _times(
            name, column.cast(pa.int64()).cast(pa.timestamp("s")), "timestamp", "seconds in the source"
        )
    note = (
        "If it is a code, make it a category." if pc.count_distinct(column).as_py() <= MOST_VALUES else None
    )
    return _numbers(name, column.cast(pa.int64()), "int", note)


def _times(name: str, column: Any, kind: FieldType, note: str | None = None) -> Seen | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type):  # in UTC, as a window is, and no finer than Python knows
        unit = "us" if column.type.unit == "ns" else column.type.unit
        column = column.cast(pa.timestamp(unit, column.type.tz), safe=False).cast(pa.timestamp(unit, "UTC"))
    try:
        ends = pc.min_max(column).as_py()
    except (OverflowError, ValueError):  # outside of Python's calendar
        return None
    return _seen(name, column, kind, first=_day(ends["min"]), last=_day(ends["max"]), note=note)


def _text(name: str, column: Any) -> Seen:
    import pyarrow.compute as pc

    values = pc.unique(column.drop_null()).to_pylist()
    if all(_is_time(value) for value in values[:1000]):
        kind: FieldType = "date" if all(len(value) == len("2013-01-01") for value in values) else "timestamp"
        return _seen(name, column, kind, first=min(values)[:10], last=max(values)[:10])
    repeated = len(values) * _REPEATED <= len(column) and len(values) <= MOST_VALUES
    if repeated and all(len(value) <= _LONGEST and "\0" not in value for value in values):
        return _seen(name, column, "category", values=tuple(sorted(values)))
    return _seen(name, column, "string")


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _day(value: dt.date) -> str:
    return value.isoformat()[: len("2013-01-01")]
