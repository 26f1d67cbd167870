"""The protocol language as JSON Schema, so that an editor completes and checks a file while it is written.

Types, ranges and descriptions come from ``spec.py``. Contradictions across keys are beyond it: ``pulse check``
finds those.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pulse_blocks.protocol.spec import Protocol

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) of a protocol file, as plain data."""
    schema = _for_editors(msgspec.json.schema(Protocol))
    return {"$schema": DIALECT, "title": "Pulse protocol", **schema}


def _for_editors(value: Any) -> Any:
    r"""Python's ``\Z`` is ``$`` in the regular expressions of JSON Schema; names and texts for people."""
    if isinstance(value, list):
        return [_for_editors(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: _for_editors(item) for key, item in value.items()}
    if isinstance(pattern := result.get("pattern"), str) and pattern.endswith("\\Z"):
        result["pattern"] = pattern.removesuffix("\\Z") + "$"
    if isinstance(title := result.get("title"), str):
        result["title"] = title.removesuffix("Spec")
    if isinstance(description := result.get("description"), str):
        lines = (line.strip() for line in description.replace("``", "`").splitlines())
        result["description"] = "\n".join(lines)
    return result
