"""A contract of the standard as a protocol, and what of it is lost or had to be assumed."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.odcs import terms
from pulse_blocks.protocol.odcs.properties import Columns
from pulse_blocks.protocol.odcs.quality import of_object
from pulse_blocks.protocol.odcs.taking import Taking

Data = dict[str, Any]
_TASKS = {"bool": "binary-classification", "float": "regression", "int": "regression"}
_DURATIONS = {word: unit for unit, word in terms.UNITS.items()} | {
    "day": "d", "days": "d", "hour": "h", "hours": "h", "minute": "m", "minutes": "m",
}  # fmt: skip


def imported(document: Any, target: str | None = None) -> tuple[Data, tuple[str, ...]]:
    """A protocol as plain data, to be loaded like any other, and a line for each thing lost or assumed.

    ``target`` names the property to predict where the contract does not say. Raises PulseError for what is no
    contract of version 3, holds no table, or leaves the target open.
    """
    contract = Taking(document)
    version = contract.take("apiVersion", str, "")
    if contract.take("kind", str, "") != "DataContract" or not version.startswith("v3."):
        raise PulseError(
            "odcs.version",
            "This is no contract of the Open Data Contract Standard, version 3.",
            "It begins with apiVersion: v3.1.0 and kind: DataContract.",
        )
    tables = contract.sections("schema")
    if not tables:
        raise PulseError(
            "odcs.no_schema", "The contract has no schema.", "A protocol needs the columns of a table."
        )
    lost = [
        f"schema: {table.take('name', str, '?')}: a protocol is on one table, the first."
        for table in tables[1:]
    ]
    columns = Columns(lost)
    for one in tables[0].sections("properties"):
        columns.add(one)
    if target is not None:
        columns.predict(target)
    return _protocol(contract, tables[0], columns), tuple(lost)


def _protocol(contract: Taking, table: Taking, columns: Columns) -> Data:
    lost = columns.lost
    extra, given = contract.custom(), table.custom()
    goal = columns.fields[columns.target]
    levels, measured = _levels(contract, lost)
    time = measured or next((name for name, role in columns.roles.items() if role == "time"), None)
    source: Data = {**_source(table, given, lost), **({"time": time} if time else {}), "key": columns.key}
    description = Taking(contract.take("description", dict, {}), ("description",))
    result: Data = {
        "pulse": 1,
        "name": _name(contract.take("name", str, "") or contract.take("id", str, "")),
        "version": _version(contract.take("version", (str, int, float), ""), lost),
        "description": description.take("purpose", str, ""),
        "owner": _owner(contract, lost),
        "task": extra.get(terms.TASK) or _task(goal, lost),
        "source": source,
        "features": {name: one for name, one in columns.fields.items() if columns.roles[name] == "feature"},
        "columns": _others(columns, time),
        "target": {
            "name": columns.target,
            **{key: value for key, value in goal.items() if key in ("type", "values")},
        },
        "checks": [*of_object(table, lost), *columns.checks, *levels],
        "training": {},
        "retention": extra.get(terms.RETENTION) or {},
    }
    contract.take("id", str)
    contract.take("status", str)
    for part in (contract, table, description):
        lost += [f"{path}: a protocol has no place for it." for path in part.rest()]
    lost.append("training: the standard is about data; the defaults stand.")
    return {key: value for key, value in result.items() if value not in ("", [], {}) or key == "training"}


def _others(columns: Columns, time: str | None) -> dict[str, Data]:
    """The columns beside features and target; time and key are columns without being declared."""
    found = {}
    for name, field in columns.fields.items():
        undeclared = (
            {"type": "timestamp"} if name == time else {"type": "string"} if name in columns.keys else None
        )
        if columns.roles[name] not in ("feature", "target") and field != undeclared:
            found[name] = field
    return found


def _source(table: Taking, given: Data, lost: list[str]) -> Data:
    name = table.take("name", str, "table")
    table.take("logicalType", str)
    everything = f"select * from {table.take('physicalName', str, name)}"  # noqa: S608 - for people to look at
    source: Data = {
        "datasource": given.get(terms.DATASOURCE) or _name(name),
        "query": given.get(terms.QUERY) or everything,
    }
    if terms.DATASOURCE not in given:
        lost.append(
            f"source: assumed is the datasource {source['datasource']}, and the query {source['query']!r}."
        )
    if given.get(terms.WINDOW):
        source["window"] = given[terms.WINDOW]
    return source


def _levels(contract: Taking, lost: list[str]) -> tuple[list[Data], str | None]:
    """Service levels as checks on freshness, and the event time that they are about."""
    checks: list[Data] = []
    time: str | None = None
    for one in contract.sections("slaProperties"):
        kind, value = one.take("property", str, ""), one.take("value", (int, str))
        unit = _DURATIONS.get(one.take("unit", str, ""))
        element = one.take("element", str, "").rpartition(".")[2]
        if kind.lower() in ("latency", "ly", "freshness") and isinstance(value, int) and unit and element:
            checks.append({"fresh": {"within": f"{value}{unit}"}})
            time = element
            lost += [f"{path}: a protocol has no place for it." for path in one.rest()]
        else:
            lost.append(f"slaProperties: {kind}: a protocol has no place for it.")
    return checks, time


def _task(field: Data, lost: list[str]) -> str:
    classes = len(field.get("values") or ())
    several = "binary-classification" if classes == 2 else "multiclass-classification"
    task = _TASKS.get(field["type"], several)
    lost.append(f"task: assumed is {task}, from the target's type.")
    return task


def _owner(contract: Taking, lost: list[str]) -> str:
    """The first member of the team with the role of an owner, in either form that 3.1 knows."""
    team = contract.take("team", (dict, list), [])
    if isinstance(team, dict):
        members = Taking(team, ("team",)).sections("members")
    else:
        members = [Taking(member, ("team", number)) for number, member in enumerate(team)]
    owners = [one for one in members if one.take("role", str, "").lower() in ("owner", "data owner")]
    if len(members) > len(owners[:1]):
        lost.append("team: a protocol has one owner.")
    return str(owners[0].take("username", str, "")) if owners else ""


def _name(text: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
    return plain if plain[:1].isalpha() else f"contract-{plain}".rstrip("-")


def _version(version: object, lost: list[str]) -> str:
    from pulse_blocks.protocol.spec import SemVer

    text = ".".join([*str(version).lstrip("v").split("."), "0", "0"][:3])
    try:
        msgspec.convert(text, SemVer)
    except msgspec.ValidationError:
        lost.append(f"version: {version} is no semantic version; assumed is 1.0.0.")
        return "1.0.0"
    return text
