"""The properties of a contract's table as columns, with their roles, the key, and checks on single columns."""

from __future__ import annotations

import dataclasses
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.odcs import terms
from pulse_blocks.protocol.odcs.quality import of_property
from pulse_blocks.protocol.odcs.taking import Taking

Data = dict[str, Any]
_FEATURES = ("float", "int", "bool", "category")


@dataclasses.dataclass
class Columns:
    """What was gathered so far; ``keys`` holds positions by name."""

    lost: list[str]
    fields: dict[str, Data] = dataclasses.field(default_factory=dict)
    roles: dict[str, str] = dataclasses.field(default_factory=dict)
    keys: dict[str, int] = dataclasses.field(default_factory=dict)
    checks: list[Data] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> list[str]:
        """The columns of the key in their order."""
        return sorted(self.keys, key=lambda name: self.keys[name])

    @property
    def target(self) -> str:
        """The column that a model predicts. Raises PulseError where none has that role."""
        for name, role in self.roles.items():
            if role == "target":
                return name
        raise PulseError(
            "odcs.no_target",
            "The contract does not say which property a model predicts.",
            f"Name it: --target NAME. It has {', '.join(self.fields)}.",
        )

    def predict(self, target: str) -> None:
        """Give a column the role of the target, and no other."""
        if target not in self.fields:
            known = ", ".join(self.fields)
            raise PulseError(
                "odcs.no_target", f"The contract has no property {target!r}.", f"It has {known}."
            )
        self.roles = {name: "column" if role == "target" else role for name, role in self.roles.items()}
        self.roles[target] = "target"

    def add(self, one: Taking) -> None:
        """Take in a property of the table."""
        name, logical = one.take("name", str, ""), one.take("logicalType", str, "string")
        if logical not in terms.TYPES:
            self.lost.append(f"{name}: a column cannot be of the type {logical}; it is left out.")
            return
        extra = one.custom()
        field, options = _field(one, logical)
        values, checks = of_property(one, name, self.lost)
        if values is not None and field["type"] in ("string", "int"):
            field = {"type": "category", "values": values}
        if not one.take("required", bool, False):
            field["nullable"] = True
        words = {
            "unit": extra.get(terms.UNIT),
            "private": extra.get(terms.PRIVATE),
            "description": one.take("description", str),
        }
        self.fields[name] = field | {key: value for key, value in words.items() if value}
        self._place(one, name, extra)
        self.checks += checks
        for part in (one, options):
            self.lost += [f"{path}: a protocol has no place for it." for path in part.rest()]

    def _place(self, one: Taking, name: str, extra: Data) -> None:
        if one.take("primaryKey", bool, False):
            self.keys[name] = one.take("primaryKeyPosition", int, len(self.keys) + 1)
        if one.take("unique", bool, False):
            self.checks.append({"unique": [name]})
        usual = "feature" if self.fields[name]["type"] in _FEATURES and name not in self.keys else "column"
        self.roles[name] = str(extra.get(terms.ROLE, usual))


def _field(one: Taking, logical: str) -> tuple[Data, Taking]:
    """Type and rules of a column, and what is left of its options."""
    options = Taking(one.take("logicalTypeOptions", dict, {}), (*one.path, "logicalTypeOptions"))
    kind = terms.TYPES[logical]
    field: Data = {"type": kind}
    for key, word in terms.OPTIONS.items():
        if kind not in ("timestamp", "date") and options.has(word):
            value = options.take(word, (str, int, float))
            whole = kind == "int" and isinstance(value, float) and value.is_integer()
            field[key] = int(value) if whole else value
    return field, options
