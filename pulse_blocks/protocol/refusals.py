"""Why a value of a request is refused, in words. The verdict itself is the decoder's."""

from __future__ import annotations

import math

from pulse_blocks.protocol.problems import shown
from pulse_blocks.protocol.spec import FieldSpec, FieldType

_WANTED: dict[FieldType, str] = {
    "float": "a number",
    "int": "an integer",
    "bool": "true or false",
    "string": "a string",
    "timestamp": "a time such as '2013-01-01T06:00:00Z'",
    "date": "a date such as '2013-01-01'",
}
_MOST_VALUES = 12
# Stands in the place of a private value.
PRIVATE = "(private)"


def reason(field: FieldSpec, value: object) -> str:
    """A sentence on why ``field`` does not take ``value``, which has been refused.

    A private value is not repeated: errors are kept where nobody keeps a record, in logs of clients and proxies.
    """
    told = "This value" if field.private else in_json(value)
    if value is None:
        return "A value is needed: the column is not nullable."
    if field.type == "category":
        return f"{told} is not one of {_some(field.values or ())}."
    number = isinstance(value, int if field.type == "int" else int | float) and not isinstance(value, bool)
    # NaN and infinity, which not every format of a body keeps out, are no numbers to any column.
    number = number and (isinstance(value, int) or math.isfinite(value))  # type: ignore[arg-type]
    if field.type in ("float", "int") and number:
        return f"{told} is out of range{_range(field)}."
    if field.type == "string" and isinstance(value, str):
        return f"{told} does not fit{_text_rules(field)}."
    return f"Expected {_WANTED[field.type]}{'' if field.private else f', got {told}'}."


def in_json(value: object) -> str:
    """A decoded JSON value, short enough for a message."""
    if isinstance(value, str):
        return repr(shown(value))
    if isinstance(value, bool):
        return "true" if value else "false"
    # More digits than Python turns into text.
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a very large number"
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value)) or shown(value)


def _range(field: FieldSpec) -> str:
    bounds = {"at least": field.ge, "greater than": field.gt, "at most": field.le, "less than": field.lt}
    said = [f"{words} {bound}" for words, bound in bounds.items() if bound is not None]
    return f": it must be {' and '.join(said)}" if said else " of 64 bits"


def _text_rules(field: FieldSpec) -> str:
    said = [
        None if field.pattern is None else f"the pattern {field.pattern}",
        None if field.min_length is None else f"at least {field.min_length} characters",
        None if field.max_length is None else f"at most {field.max_length} characters",
    ]
    return f": {', '.join(rule for rule in said if rule)}"


def _some(values: tuple[str | int, ...]) -> str:
    first = ", ".join(str(value) for value in values[:_MOST_VALUES])
    return first if len(values) <= _MOST_VALUES else f"{first}... ({len(values)} in all)"
