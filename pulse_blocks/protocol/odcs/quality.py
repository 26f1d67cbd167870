"""The standard's quality rules as checks, where the language can say the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pulse_blocks.protocol.odcs import terms
from pulse_blocks.protocol.odcs.taking import Taking
from pulse_blocks.protocol.problems import dotted

Data = dict[str, Any]
_NO = "a protocol has no such rule."
_MILD = ("warn", "warning", "info", "low", "medium")


def of_property(one: Taking, name: str, lost: list[str]) -> tuple[list[Any] | None, list[Data]]:
    """The valid values of a property, where rules say them, and checks on it."""
    values: list[Any] | None = None
    checks: list[Data] = []
    for rule in one.sections("quality"):
        about, metric, arguments = _about(rule), _metric(rule), rule.take("arguments", dict, {})
        exactly, at_most = rule.take(terms.EXACTLY, (int, float)), rule.take(terms.AT_MOST, (int, float))
        unit = rule.take("unit", str, "rows")
        if metric == "invalidValues" and exactly == 0 and isinstance(arguments.get("validValues"), list):
            values = arguments["validValues"]
        elif metric == "nullValues" and (exactly == 0 or (unit == "percent" and at_most is not None)):
            percent = Decimal(repr(exactly if at_most is None else at_most))
            checks.append(about | {"nulls": {"column": name, "at_most": float(percent / 100)}})
        elif metric == "duplicateValues" and exactly == 0:
            checks.append(about | {"unique": [name]})
        else:
            lost.append(f"{dotted(rule.path)}: {_NO}")
            continue
        _name_rest(rule, lost)
    return values, checks


def of_object(table: Taking, lost: list[str]) -> list[Data]:
    """Checks on the whole table; two rules on one thing, a bound each, are one check."""
    checks: list[Data] = []
    for rule in table.sections("quality"):
        about, found = _about(rule), _rule(rule)
        if found is None:
            lost.append(f"{dotted(rule.path)}: {_NO}")
            continue
        _name_rest(rule, lost)
        check = about | found
        twin = next((one for one in checks if _joinable(one, check)), None)
        if twin is None:
            checks.append(check)
        else:
            kind = next(kind for kind in ("rows", "mean", "quantile") if kind in check)
            twin[kind] |= check[kind]
    return checks


def _rule(rule: Taking) -> Data | None:
    metric, arguments = _metric(rule), rule.take("arguments", dict, {})
    exactly = rule.take(terms.EXACTLY, (int, float))
    bounds = _bounds(rule, exactly, whole=metric == "rowCount")
    names = arguments.get("properties")
    if metric == "rowCount" and bounds:
        return {"rows": bounds}
    if metric == "duplicateValues" and exactly == 0 and isinstance(names, list):
        return {"unique": names}
    return _of_query(rule.take("query", str, ""), bounds, exactly)


def _of_query(query: str, bounds: Data, exactly: float | None) -> Data | None:
    if (found := terms.parts_of(terms.BROKEN_ROWS, query)) and exactly == 0:
        return {"expr": found["expr"]}
    if (found := terms.parts_of(terms.MEAN, query)) and bounds:
        return {"mean": {"column": found["column"], **bounds}}
    if (found := terms.parts_of(terms.QUANTILE, query)) and bounds:
        return {"quantile": {"column": found["column"], "q": float(found["share"]), **bounds}}
    return None


def _metric(rule: Taking) -> str:
    """The library's metric; before 3.1 it was called a rule."""
    rule.take("type", str)
    return str(rule.take("metric", str) or rule.take("rule", str) or "")


def _bounds(rule: Taking, exactly: float | None, *, whole: bool) -> Data:
    least, most = rule.take(terms.AT_LEAST, (int, float)), rule.take(terms.AT_MOST, (int, float))
    if exactly is not None:
        least = most = exactly
    above, below = rule.take("mustBeGreaterThan", int), rule.take("mustBeLessThan", int)
    if whole and above is not None:
        least = above + 1
    if whole and below is not None:
        most = below - 1
    between = rule.take("mustBeBetween", list, [])
    if len(between) == 2:
        least, most = between
    return {name: bound for name, bound in (("ge", least), ("le", most)) if bound is not None}


def _about(rule: Taking) -> Data:
    name, severity = rule.take("name", str), rule.take("severity", str, "error")
    mild: Data = {"severity": "warn"} if severity.lower() in _MILD else {}
    return ({"name": name} if name else {}) | mild


def _joinable(one: Data, other: Data) -> bool:
    """Whether two checks say the two ends of one range."""
    kind = next((kind for kind in ("rows", "mean", "quantile") if kind in one and kind in other), None)
    if kind is None or {key: one[key] for key in one if key != kind} != {
        key: other[key] for key in other if key != kind
    }:
        return False
    ends = {"ge", "le"}
    subject = [
        {key: value for key, value in check[kind].items() if key not in ends} for check in (one, other)
    ]
    return subject[0] == subject[1] and not (ends & one[kind].keys() & other[kind].keys())


def _name_rest(rule: Taking, lost: list[str]) -> None:
    lost += [f"{path}: a protocol has no place for it." for path in rule.rest()]
