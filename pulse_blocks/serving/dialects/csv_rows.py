"""CSV as records: a header with the columns' names, then a line for each record."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from pulse_blocks.protocol.requests import FieldProblem, request_columns
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.serving.bodies import MOST_FIELDS, invalid
from pulse_blocks.serving.model import Model
from pulse_blocks.serving.refusals import Refusal

_BOOLEANS = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


def records(model: Model, body: bytes) -> list[dict[str, Any]]:
    """The lines as records of the protocol's types; an empty value is null. Raises Refusal 400 or 422."""
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        rows = [line for line in lines if line]
    except UnicodeDecodeError:
        raise Refusal(400, "request.csv", "The body is not UTF-8.", "Send CSV as UTF-8.") from None
    except csv.Error as error:
        raise Refusal(
            400, "request.csv", f"The body is not valid CSV: {error}.", "Send a header and one line a record."
        ) from None
    if len(set(header)) < len(header):
        raise invalid([FieldProblem("", "The header names a column twice.")])
    wrong = [
        FieldProblem(f"rows[{number}]", f"Has {len(row)} values, the header {len(header)}.")
        for number, row in enumerate(rows)
        if len(row) != len(header)
    ]
    if wrong:
        raise invalid(wrong[: MOST_FIELDS + 1])
    fields = {column.name: column.field for column in request_columns(model.protocol)}
    readers = [_reader(fields[name]) if name in fields else str for name in header]
    return [{name: read(text) for name, read, text in zip(header, readers, row, strict=True)} for row in rows]


def _reader(field: FieldSpec) -> Callable[[str], Any]:
    """How a text becomes a value; what cannot stays text, and is refused by name later."""
    match field.type:
        case "float":
            read: Callable[[str], Any] = _number(float)
        case "int":
            read = _number(int)
        case "bool":
            read = _BOOLEANS.__getitem__
        case "category" if field.values and isinstance(field.values[0], int):
            read = _number(int)
        case _:
            read = str

    def value(text: str) -> Any:
        if not text:
            return None
        try:
            return read(text)
        except (ValueError, KeyError):
            return text

    return value


def _number(kind: type[float | int]) -> Callable[[str], float | int]:
    """Python reads ``1_000`` as a number; nobody who writes CSV means that."""

    def read(text: str) -> float | int:
        if "_" in text:
            raise ValueError
        return kind(text)

    return read
