"""What a request to the runtime may hold: a decoder's type from the protocol, and why a record is refused.

JSON as it comes is checked strictly: an integer column takes ``3`` but neither ``3.5`` nor ``3.0``, a float
column takes ``3``, a boolean takes ``true`` but not ``1``. The runtime imports this module: it needs msgspec only.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from pulse_blocks.protocol.columns import ColumnSpec, all_columns, features
from pulse_blocks.protocol.patterns import for_python
from pulse_blocks.protocol.problems import Path, dotted, nearest
from pulse_blocks.protocol.refusals import in_json, reason
from pulse_blocks.protocol.spec import FieldSpec, FieldType, Protocol

# A hostile body may hold any number of unknown fields; nobody reads more than this.
_MOST = 100
# What 64 bits hold. NaN is within no bounds at all.
_INTEGERS = -(2**63), 2**63 - 1
FINITE = -sys.float_info.max, sys.float_info.max
# Columns without bounds of their own.
INT = Annotated[int, Meta(ge=_INTEGERS[0], le=_INTEGERS[1])]
FLOAT = Annotated[float, Meta(ge=FINITE[0], le=FINITE[1])]


class FieldProblem(msgspec.Struct, frozen=True):
    """One bad field of a request. ``path`` is the column's name, below where the record stands."""

    path: str
    message: str


def request_columns(protocol: Protocol) -> tuple[ColumnSpec, ...]:
    """The columns of one record in the order of the struct's fields.

    First the features, in the order of the model's matrix, then the source's time and key: they may come along
    so that the ledger knows the event time and the source's row, and never reach the model.
    """
    given = features(protocol)
    names = protocol.features
    extras = (
        column
        for column in all_columns(protocol)
        if column.role in ("time", "key") and column.name not in names
    )
    return (*given, *extras)


def request_type(protocol: Protocol) -> type[msgspec.Struct]:
    """A Struct type for one record; ``msgspec.structs.astuple`` gives its values as in ``request_columns``.

    Attributes are named ``f0``, ``f1``...; the JSON carries the columns' own names. A nullable feature, the time
    and the key may be null or missing, which is None.
    """
    columns = request_columns(protocol)
    fields: list[Any] = []
    names: dict[str, str] = {}
    for number, column in enumerate(columns):
        attribute = f"f{number}"
        names[attribute] = column.name
        kind = _type(column.field)
        fields.append((attribute, kind | None, None) if _optional(column) else (attribute, kind))
    return msgspec.defstruct(
        "Request", fields, kw_only=True, forbid_unknown_fields=True, frozen=True, gc=False, rename=names
    )


def many_type(record: type[msgspec.Struct], name: str) -> type[msgspec.Struct]:
    """A Struct type for ``{name: [record, ...]}``: its only value is the list of records."""
    records: Any = list[record]  # type: ignore[valid-type]
    return msgspec.defstruct(
        "Many", [("records", records)], forbid_unknown_fields=True, rename={"records": name}
    )


class Columns:
    """Whole columns as records: what ``request_type`` refuses of a row is refused here, without saying where."""

    def __init__(self, protocol: Protocol) -> None:
        columns = request_columns(protocol)
        attributes = [f"f{number}" for number in range(len(columns))]
        names = {attribute: column.name for attribute, column in zip(attributes, columns, strict=True)}
        fields: list[Any] = []
        for attribute, column in zip(attributes, columns, strict=True):
            kind: Any = _type(column.field)
            if _optional(column):
                fields.append((attribute, list[kind | None] | UnsetType, UNSET))
            else:
                fields.append((attribute, list[kind]))
        self._columns = msgspec.defstruct(
            "Columns", fields, kw_only=True, forbid_unknown_fields=True, rename=names
        )
        # Like the type of a request, and made from values in their order.
        self._record = msgspec.defstruct(
            "Row", [(attribute, Any, None) for attribute in attributes], frozen=True, gc=False, rename=names
        )

    def records(self, content: Mapping[str, Any]) -> list[msgspec.Struct] | None:
        """The rows of an object with a list for each column; None where they are not sound or not one length."""
        try:
            found = astuple(msgspec.convert(content, self._columns))
        except msgspec.ValidationError:
            return None
        lengths = {len(values) for values in found if values is not UNSET}
        if len(lengths) != 1:
            return None
        missing = [None] * lengths.pop()
        rows = zip(*(missing if values is UNSET else values for values in found), strict=True)
        return list(itertools.starmap(self._record, rows))


def problems(protocol: Protocol, raw: object, at: Path = ()) -> list[FieldProblem]:
    """Every bad field of a decoded JSON value; empty exactly where ``request_type`` accepts it.

    Of unknown fields no more are named than make a hundred in all.

    ``at`` is where the record stands in the body, such as ``("instances", 3)``.
    """
    if not isinstance(raw, Mapping):
        private = any(column.field.private for column in request_columns(protocol))
        got = "" if private else f", got {in_json(raw)}"
        return [FieldProblem(dotted(at), f"Expected an object with a value for each feature{got}.")]
    columns = {column.name: column for column in request_columns(protocol)}
    found: list[FieldProblem] = []
    for name, column in columns.items():
        if name in raw:
            message = _refusal(column, raw[name])
        else:
            message = None if _optional(column) else "This field is missing."
        if message:
            found.append(FieldProblem(dotted((*at, name)), message))
    for name in raw:
        if name not in columns and len(found) < _MOST:
            hint = nearest(name, columns)
            message = "There is no such field." if hint is None else f"There is no such field. {hint}"
            found.append(FieldProblem(dotted((*at, name)), message))
    return found


def _optional(column: ColumnSpec) -> bool:
    return column.field.nullable or column.role in ("time", "key")


def _type(field: FieldSpec) -> Any:
    builders: dict[FieldType, Callable[[], Any]] = {
        "float": lambda: Annotated[float, Meta(**_bounds(field, float, FINITE))],
        "int": lambda: Annotated[int, Meta(**_bounds(field, int, _INTEGERS))],
        "category": lambda: Literal[field.values or ()],
        "string": lambda: Annotated[str, Meta(**_text_rules(field))],
        "bool": lambda: bool,
        "timestamp": lambda: dt.datetime,
        "date": lambda: dt.date,
    }
    return builders[field.type]()


def _bounds(field: FieldSpec, number: type[float | int], widest: tuple[float, float]) -> dict[str, Any]:
    """The field's own bounds; where it has none, the ``widest``."""
    given = {"ge": field.ge, "gt": field.gt, "le": field.le, "lt": field.lt}
    bounds = {name: number(bound) for name, bound in given.items() if bound is not None}
    if "ge" not in bounds and "gt" not in bounds:
        bounds["ge"] = number(widest[0])
    if "le" not in bounds and "lt" not in bounds:
        bounds["le"] = number(widest[1])
    return bounds


def _text_rules(field: FieldSpec) -> dict[str, Any]:
    pattern = None if field.pattern is None else for_python(field.pattern)
    rules = {"pattern": pattern, "min_length": field.min_length, "max_length": field.max_length}
    return {name: rule for name, rule in rules.items() if rule is not None}


def _refusal(column: ColumnSpec, value: object) -> str | None:
    """Why ``value`` is refused, None where it is not. The verdict is the decoder's own."""
    kind = _type(column.field)
    try:
        msgspec.convert(value, kind | None if _optional(column) else kind)
    except msgspec.ValidationError:
        return reason(column.field, value)
    return None
