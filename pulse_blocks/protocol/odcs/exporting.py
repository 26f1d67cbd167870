"""A protocol as a contract of the standard, and what is lost on the way."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pulse_blocks.protocol.canonical import without_defaults
from pulse_blocks.protocol.columns import ColumnSpec, all_columns
from pulse_blocks.protocol.odcs import terms
from pulse_blocks.protocol.spec import CheckSpec, OnInvalidSpec, OutputSpec, Protocol, ServingSpec

Data = dict[str, Any]
_LOST = {
    "output": "the standard is about data, not about predictions",
    "on_invalid": "the standard has no quarantine",
    "training": "the standard is about data, not about models",
    "serving": "the standard is about data, not about serving",
    "monitoring": "the standard has no drift",
}


def exported(protocol: Protocol) -> tuple[Data, tuple[str, ...]]:
    """The contract as plain data, and a sentence for each thing that it cannot say."""
    lost = [f"{section}: {reason}." for section, reason in _LOST.items() if _said(protocol, section)]
    columns = all_columns(protocol)
    properties = {column.name: _property(column, protocol) for column in columns}
    document: Data = {
        "apiVersion": terms.VERSION,
        "kind": "DataContract",
        "id": protocol.name,
        "name": protocol.name,
        "version": protocol.version,
        "status": "active",
    }
    if protocol.description:
        document["description"] = {"purpose": protocol.description}
    quality: list[Data] = []
    levels: list[Data] = []
    for check in protocol.checks:
        _check(check, protocol, properties, quality, levels, lost)
    table: Data = {
        "name": protocol.source.datasource,
        "logicalType": "object",
        "properties": list(properties.values()),
    }
    if quality:
        table["quality"] = quality
    given: Data = {terms.DATASOURCE: protocol.source.datasource, terms.QUERY: protocol.source.query}
    if protocol.source.window is not None:
        given[terms.WINDOW] = without_defaults(protocol.source.window)
    document["schema"] = [{**table, "customProperties": terms.custom(**given)}]
    if protocol.owner:
        document["team"] = {"members": [{"username": protocol.owner, "role": "owner"}]}
    if levels:
        document["slaProperties"] = levels
    about: Data = {terms.TASK: protocol.task}
    if retention := without_defaults(protocol.retention):
        about[terms.RETENTION] = retention
    document["customProperties"] = terms.custom(**about)
    return document, tuple(lost)


def _said(protocol: Protocol, section: str) -> bool:
    defaults = {"output": OutputSpec(), "on_invalid": OnInvalidSpec(), "serving": ServingSpec()}
    if section in defaults:
        return bool(getattr(protocol, section) != defaults[section])
    return bool(without_defaults(getattr(protocol, section)))


def _property(column: ColumnSpec, protocol: Protocol) -> Data:
    field = column.field
    logical = terms.LOGICAL_TYPES[field.type]
    if field.type == "category" and isinstance((field.values or ("",))[0], int):
        logical = "integer"
    found: Data = {"name": column.name, "logicalType": logical, "required": not field.nullable}
    if column.name in protocol.source.key:
        found |= {"primaryKey": True, "primaryKeyPosition": protocol.source.key.index(column.name) + 1}
    if field.description:
        found["description"] = field.description
    given = {word: getattr(field, key) for key, word in terms.OPTIONS.items()}
    if options := {word: value for word, value in given.items() if value is not None}:
        found["logicalTypeOptions"] = options
    if field.values is not None:
        found["quality"] = [
            {"metric": "invalidValues", "arguments": {"validValues": list(field.values)}, terms.EXACTLY: 0}
        ]
    extra: Data = {terms.ROLE: "feature" if column.name in protocol.features else column.role}
    if field.unit:
        extra[terms.UNIT] = field.unit
    if field.private:
        extra[terms.PRIVATE] = True
    return {**found, "customProperties": terms.custom(**extra)}


def _check(
    check: CheckSpec, protocol: Protocol, properties: dict[str, Data], quality: list[Data], levels: list[Data],
    lost: list[str],
) -> None:  # fmt: skip
    """A check at the place that the standard has for it."""
    about: Data = {"name": check.name} if check.name else {}
    about |= {"severity": "error" if check.severity == "error" else "warning"}
    if check.fresh is not None:
        number = check.fresh.within.rstrip("mshd")
        unit = terms.UNITS[check.fresh.within.removeprefix(number)]
        element = f"{protocol.source.datasource}.{protocol.source.time}"
        levels.append({"property": "latency", "value": int(number), "unit": unit, "element": element})
        if check.name or check.severity != "error":
            lost.append(
                "checks: the name and the severity of a check on freshness; a service level has none."
            )
    elif check.nulls is not None:
        percent = float(Decimal(repr(check.nulls.at_most)) * 100)
        rule = {"metric": "nullValues", "unit": "percent", terms.AT_MOST: percent}
        properties[check.nulls.column].setdefault("quality", []).append({**about, **rule})
    elif check.unique is not None:
        arguments = {"properties": list(check.unique)}
        quality.append({**about, "metric": "duplicateValues", "arguments": arguments, terms.EXACTLY: 0})
    elif check.rows is not None:
        quality += [{**about, "metric": "rowCount", **bound} for bound in _bounds(check.rows)]
    elif check.expr is not None:
        query = terms.sql(terms.BROKEN_ROWS, expr=check.expr)
        quality.append({**about, "type": "sql", "query": query, terms.EXACTLY: 0})
    elif check.mean is not None:
        query = terms.sql(terms.MEAN, column=check.mean.column)
        quality += [{**about, "type": "sql", "query": query, **bound} for bound in _bounds(check.mean)]
    elif check.quantile is not None:
        spec = check.quantile
        query = terms.sql(terms.QUANTILE, share=repr(spec.q), column=spec.column)
        quality += [{**about, "type": "sql", "query": query, **bound} for bound in _bounds(spec)]


def _bounds(spec: Any) -> list[Data]:
    """One rule for each end: the standard takes one operator a rule, and leaves open what ``between`` includes."""
    ends = {terms.AT_LEAST: spec.ge, terms.AT_MOST: spec.le}
    return [{word: value} for word, value in ends.items() if value is not None]
