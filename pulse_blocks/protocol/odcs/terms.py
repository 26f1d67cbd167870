"""The standard's words, beside the language's."""

from __future__ import annotations

import re
from typing import Any

from pulse_blocks.protocol.spec import FieldType

VERSION = "v3.1.0"
LOGICAL_TYPES: dict[FieldType, str] = {
    "float": "number", "int": "integer", "bool": "boolean", "string": "string", "category": "string",
    "timestamp": "timestamp", "date": "date",
}  # fmt: skip
TYPES: dict[str, FieldType] = {
    "number": "float", "integer": "int", "boolean": "bool", "string": "string", "timestamp": "timestamp",
    "date": "date",
}  # fmt: skip
# Keys of logicalTypeOptions.
OPTIONS = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
    "pattern": "pattern", "min_length": "minLength", "max_length": "maxLength",
}  # fmt: skip
# Custom properties of the contract, of its object and of its properties.
TASK, DATASOURCE, QUERY, WINDOW = "pulseTask", "pulseDatasource", "pulseQuery", "pulseWindow"
ROLE, UNIT, PRIVATE = "pulseRole", "unit", "pulsePrivate"
RETENTION = "pulseRetention"

AT_LEAST, AT_MOST, EXACTLY = "mustBeGreaterOrEqualTo", "mustBeLessOrEqualTo", "mustBe"
UNITS = {"ms": "ms", "s": "s", "m": "min", "h": "h", "d": "d"}

# Rules as SQL that the standard has no metric for: written as they are read back. Nothing here is ever run.
BROKEN_ROWS = "SELECT COUNT(*) FROM {object} WHERE NOT (EXPR)"
MEAN = 'SELECT AVG("COLUMN") FROM {object}'
QUANTILE = 'SELECT PERCENTILE_DISC(SHARE) WITHIN GROUP (ORDER BY "COLUMN") FROM {object}'


def sql(form: str, **parts: object) -> str:
    """A form of the above with its parts filled in."""
    return re.sub("EXPR|COLUMN|SHARE", lambda part: str(parts[part[0].lower()]), form)


def parts_of(form: str, query: str) -> dict[str, str] | None:
    """The parts of a query that has this form, None where it has another."""
    pattern = re.escape(form)
    for part, expected in (
        ("EXPR", ".*"),
        ("COLUMN", '[^"]+'),
        ("SHARE", r"[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?"),
    ):
        pattern = pattern.replace(part, f"(?P<{part.lower()}>{expected})")
    match = re.fullmatch(pattern, query, re.DOTALL)
    return None if match is None else match.groupdict()


def custom(**values: Any) -> list[dict[str, Any]]:
    """A list of custom properties."""
    return [{"property": name, "value": value} for name, value in values.items()]
