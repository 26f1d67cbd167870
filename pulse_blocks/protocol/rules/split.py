"""The split: what each way of holding out rows needs, and what it has no use for."""

from __future__ import annotations

from pulse_blocks.protocol.columns import all_columns
from pulse_blocks.protocol.problems import Path, Problems, nearest, shown
from pulse_blocks.protocol.spec import FieldSpec, Protocol

_PATH: Path = ("training", "split")
# What a column is compared with or grouped by has to be exact.
_TYPES = {
    "group": ("string", "int", "category", "bool", "date", "timestamp"),
    "column": ("string", "int", "category", "bool"),
}
_VALUES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "bool": (bool,),
    "category": (str, int),
}


def check(protocol: Protocol, problems: Problems) -> None:
    """A time for a split by time, a column for one by group or column, and a value for the latter."""
    split = protocol.training.split
    if split.by == "time" and protocol.source.time is None:
        problems.add((*_PATH, "by"), "needs_time", "A split by time needs an event time.", "Add source.time.")
    if split.by in _TYPES:
        _column(protocol, problems)
    elif split.column is not None:
        _useless("column", split.by, problems)
    if split.by == "column":
        if problems.has((*_PATH, "test")):
            _useless("test", split.by, problems)
    elif split.value is not None:
        _useless("value", split.by, problems)


def _useless(key: str, by: str, problems: Problems) -> None:
    problems.add((*_PATH, key), "not_for_split", f"A split by {by} has no use for {key!r}.", "Remove it.")


def _column(protocol: Protocol, problems: Problems) -> None:
    split = protocol.training.split
    if split.column is None:
        problems.add(_PATH, "missing_key", f"A split by {split.by} needs a column.", "Add column: NAME here.")
        return
    path = (*_PATH, "column")
    fields = {column.name: column.field for column in all_columns(protocol)}
    field = fields.get(split.column)
    types = _TYPES[split.by]
    if split.column == protocol.target.name:
        problems.add(path, "leak", f"{split.column!r} is the target: both parts need all of its values.")
    elif field is None:
        hint = nearest(split.column, fields) or "Add it to columns."
        problems.add(path, "unknown_column", f"There is no column {shown(split.column)!r}.", hint)
    elif field.type not in types:
        message = f"A split by {split.by} is not by a {field.type}."
        problems.add(path, "not_for_type", message, f"It is by a {', '.join(types)}.")
    elif split.by == "column":
        _value(field, problems, protocol)


def _value(field: FieldSpec, problems: Problems, protocol: Protocol) -> None:
    value = protocol.training.split.value
    path = (*_PATH, "value")
    if value is None:
        message = "A split by column needs the value of the rows that are held out."
        problems.add(_PATH, "missing_key", message, "Add value: ... here.")
    elif field.values is not None and value not in field.values:
        hint = nearest(str(value), [str(one) for one in field.values])
        problems.add(path, "not_allowed", f"{shown(value)} is none of the column's values.", hint)
    elif type(value) not in _VALUES[field.type]:
        problems.add(path, "wrong_type", f"{shown(value)} cannot be in a column of type {field.type}.")
