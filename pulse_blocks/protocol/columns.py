"""The flat list of a protocol's columns: what every generated schema is built from."""

from __future__ import annotations

from typing import Literal

import msgspec

from pulse_blocks.protocol.spec import FieldSpec, Protocol

Role = Literal["time", "key", "feature", "column", "target"]


class ColumnSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One column of the data: its role and what it may hold."""

    name: str
    role: Role
    field: FieldSpec


def all_columns(protocol: Protocol) -> tuple[ColumnSpec, ...]:
    """Every column of a snapshot in its canonical order: time, key, features, columns, target.

    A column that is named twice (a key that is also a feature, say) appears once, at its first place, with the
    most specific declaration. Undeclared keys are strings and an undeclared time is a timestamp.
    """
    declared = {**protocol.columns, **protocol.features}
    found: dict[str, ColumnSpec] = {}

    def add(name: str, role: Role, default: FieldSpec) -> None:
        if name not in found:
            found[name] = ColumnSpec(name=name, role=role, field=declared.get(name, default))

    if protocol.source.time is not None:
        add(protocol.source.time, "time", FieldSpec(type="timestamp"))
    for name in protocol.source.key:
        add(name, "key", FieldSpec(type="string"))
    for name, field in protocol.features.items():
        add(name, "feature", field)
    for name, field in protocol.columns.items():
        add(name, "column", field)
    target = protocol.target
    add(target.name, "target", FieldSpec(type=target.type, values=target.values))
    return tuple(found.values())


def features(protocol: Protocol) -> tuple[ColumnSpec, ...]:
    """The model's inputs, in the order of the protocol: the order of the model's matrix."""
    return tuple(
        ColumnSpec(name=name, role="feature", field=field) for name, field in protocol.features.items()
    )
