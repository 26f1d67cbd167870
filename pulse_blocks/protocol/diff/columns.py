"""Which columns a request may hold, before and after; and the columns that are in the data alone."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from pulse_blocks.protocol.canonical import without_defaults
from pulse_blocks.protocol.columns import ColumnSpec
from pulse_blocks.protocol.diff.change import Change, change
from pulse_blocks.protocol.diff.fields import field_changes
from pulse_blocks.protocol.problems import Path
from pulse_blocks.protocol.requests import request_columns
from pulse_blocks.protocol.spec import FieldSpec, Protocol


def column_changes(old: Protocol, new: Protocol) -> Iterator[Change]:
    """Changes of ``features`` and ``columns``, and of time and key as columns of a request."""
    before = {column.name: column for column in request_columns(old)}
    after = {column.name: column for column in request_columns(new)}
    for name, column in before.items():
        path = _path(old, column)
        if name not in after:
            yield change(path, _shown(column), None, "breaking", "A request that holds it is refused.")
            continue
        here = _path(new, after[name])
        yield from field_changes(here, _asked(column), _asked(after[name]))
        yield from _data_nulls(here, column, after[name])
        if path[0] != here[0]:
            yield change(path, path[0], here[0], "compatible", "It has another place.")
    for name, column in after.items():
        if name not in before:
            yield _added(_path(new, column), column)
    if list(old.features) != list(new.features) and set(old.features) == set(new.features):
        reason = "Requests name their columns: the order is the model's own."
        yield change(("features",), list(old.features), list(new.features), "compatible", reason)
    yield from _data_only(old, new, before.keys() | after.keys())


def _added(path: Path, column: ColumnSpec) -> Change:
    if _asked(column).nullable:
        return change(path, None, _shown(column), "compatible", "A request may leave it out.")
    return change(path, None, _shown(column), "breaking", "A request without it is refused.")


def _data_nulls(path: Path, before: ColumnSpec, after: ColumnSpec) -> Iterator[Change]:
    same_for_requests = _asked(before).nullable == _asked(after).nullable
    if same_for_requests and before.field.nullable != after.field.nullable:
        was, is_ = before.field.nullable, after.field.nullable
        yield change((*path, "nullable"), was, is_, "compatible", "A request may leave it out anyway.")


def _data_only(old: Protocol, new: Protocol, asked: set[str]) -> Iterator[Change]:
    for name in dict.fromkeys((*old.columns, *new.columns)):
        before, after = old.columns.get(name), new.columns.get(name)
        if name not in asked and before != after:
            was, is_ = (None if field is None else without_defaults(field) for field in (before, after))
            yield change(("columns", name), was, is_, "compatible", "It is in the data alone.")


def _asked(column: ColumnSpec) -> FieldSpec:
    """The column as a request sees it: time and key may always be left out."""
    field = column.field
    if column.role in ("time", "key"):
        return replace(field, nullable=True)
    return field


def _path(protocol: Protocol, column: ColumnSpec) -> Path:
    for section, declared in (("features", protocol.features), ("columns", protocol.columns)):
        if column.name in declared:
            return (section, column.name)
    return ("source", column.role, column.name)


def _shown(column: ColumnSpec) -> object:
    return without_defaults(column.field)
