"""Canonical types: what each type of the protocol language is in Arrow, and how values get there.

The same rows must give the same snapshot whatever they come from, so every source ends here:

- float: float64, NaN counts as null and -0.0 is 0.0. int: int64. bool: 0 and 1 count.
- string and category: string (int64 for a category of whole numbers); a number becomes its digits.
- timestamp: microseconds in UTC, a finer part is cut off. A naive time is UTC; a whole number counts the seconds
  since 1970.
- date: days; the day in UTC of a time. Both are within the years 1 to 9999.

Text is parsed, never guessed at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pulse_blocks.protocol.columns import ColumnSpec

if TYPE_CHECKING:
    import pyarrow as pa

Array = Any  # pa.Array; pyarrow carries no types


class BadValueError(ValueError):
    """The first value of an array that its column cannot hold."""

    def __init__(self, row: int, value: object) -> None:
        super().__init__(row, value)
        self.row = row
        self.value = value


def kind_of(column: ColumnSpec) -> str:
    """The column's type in the protocol language, a category being ``string`` or ``int`` by its values."""
    if column.field.type != "category":
        return column.field.type
    values = column.field.values or ()
    return "int" if values and all(isinstance(value, int) for value in values) else "string"


def arrow_schema(columns: tuple[ColumnSpec, ...]) -> pa.Schema:
    """The canonical schema. Every column may hold null: refusing it is the business of validation."""
    import pyarrow as pa

    return pa.schema([pa.field(column.name, arrow_type(kind_of(column))) for column in columns])


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type of a kind (see ``kind_of``)."""
    import pyarrow as pa

    return {
        "float": pa.float64(),
        "int": pa.int64(),
        "bool": pa.bool_(),
        "string": pa.string(),
        "timestamp": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
    }[kind]


def conform(array: Array, kind: str) -> Array:
    """An array of any type in the canonical type of ``kind``. Raises BadValueError for the first misfit."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = array.storage if isinstance(array.type, pa.BaseExtensionType) else array
    if getattr(array.type, "type_name", None) == "numeric" and kind in ("int", "bool"):
        # PostgreSQL's decimals come as text, with as many zeros as their scale has places.
        plain = pc.replace_substring_regex(plain, r"\.0+$", "")
    plain = plain.dictionary_decode() if pa.types.is_dictionary(plain.type) else plain
    convert = _CONVERT[kind]
    try:
        return convert(plain)
    except pa.ArrowException:
        row = _first_bad(plain, convert)
        raise BadValueError(row, shown(plain, row)) from None


def _first_bad(array: Array, convert: Callable[[Array], Array]) -> int:
    """Where the first value is that cannot be converted, by halving. One is known to be there."""
    import pyarrow as pa

    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            convert(array[low:middle])
        except pa.ArrowException:
            high = middle
        else:
            low = middle
    return low


def shown(array: Array, row: int) -> object:
    """A value for people, also where Python has none that is like it."""
    try:
        return array[row].as_py()
    except (UnicodeDecodeError, ValueError, OverflowError):
        if _is_text(array):
            return array[row : row + 1].view("binary")[0].as_py()
        return str(array[row].cast("string"))


def _is_text(array: Array) -> bool:
    import pyarrow as pa

    kind = array.type
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
        )
    )


def _float(array: Array) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = array.cast(pa.int8()) if pa.types.is_boolean(array.type) else array
    if pa.types.is_decimal(array.type):
        numbers = array.cast(pa.string())  # Arrow's own cast is off by a bit: 1.15 becomes 1.1500000000000001
    floats = numbers.cast(pa.float64(), safe=False)
    if math.isnan(pc.sum(floats).as_py() or 0.0):  # of NaN, or of infinities of both signs
        floats = pc.if_else(pc.is_nan(floats), pa.scalar(None, pa.float64()), floats)
    return pc.add(floats, 0.0)  # -0.0 + 0.0 is 0.0


def _int(array: Array) -> Array:
    import pyarrow as pa

    return (_float(array) if pa.types.is_floating(array.type) else array).cast(pa.int64())


def _bool(array: Array) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(array.type) or _is_text(array):
        return array.cast(pa.bool_())
    numbers = _int(array)
    if pc.any(pc.or_(pc.less(numbers, 0), pc.greater(numbers, 1))).as_py():
        raise pa.ArrowInvalid("neither 0 nor 1")
    return numbers.cast(pa.bool_())


def _string(array: Array) -> Array:
    import pyarrow as pa

    strings = array.cast(pa.string())
    strings.validate(full=True)
    return strings


def _timestamp(array: Array) -> Array:
    import pyarrow as pa

    from pulse_blocks.sources.times import from_text, in_calendar

    utc = pa.timestamp("us", "UTC")
    if _is_text(array):
        return in_calendar(from_text(_string(array)))
    if pa.types.is_integer(array.type):
        return in_calendar(array.cast(pa.int64()).cast(pa.timestamp("s", "UTC")).cast(utc))
    if pa.types.is_timestamp(array.type):
        finer = array.type.unit == "ns"  # and cut off; a coarser unit must not overflow
        return in_calendar(array.cast(pa.timestamp("us", array.type.tz), safe=not finer).cast(utc))
    return in_calendar(array.cast(pa.timestamp("us")).cast(utc))


def _date(array: Array) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    from pulse_blocks.sources.times import in_calendar

    if pa.types.is_date32(array.type) or pa.types.is_null(array.type):
        return in_calendar(array.cast(pa.date32()))
    return pc.floor_temporal(_timestamp(array), unit="day").cast(pa.date32())


_CONVERT: dict[str, Callable[[Array], Array]] = {
    "float": _float,
    "int": _int,
    "bool": _bool,
    "string": _string,
    "timestamp": _timestamp,
    "date": _date,
}
