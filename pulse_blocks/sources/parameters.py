"""The parameters ``:start`` and ``:end`` of a query: found outside of strings and comments, never pasted in."""

from __future__ import annotations

import re
from collections.abc import Callable

from pulse_blocks.errors import PulseError
from pulse_blocks.sources.base import Query

# In this order: strings, quoted names, comments, PostgreSQL casts, and then parameters.
_TOKENS = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | :(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL,
)
_KNOWN = ("start", "end")


def names(query: Query) -> tuple[str, ...]:
    """The parameters of a query in the order in which they first occur.

    Raises PulseError for a parameter other than these two, and where there is no window to bind them from.
    """
    found = tuple(dict.fromkeys(match["name"] for match in _TOKENS.finditer(query.sql) if match["name"]))
    unknown = [name for name in found if name not in _KNOWN]
    if unknown:
        raise PulseError(
            "source.parameter",
            f"The query on datasource {query.datasource} names :{unknown[0]}.",
            "Only :start and :end are bound.",
        )
    if found and query.window is None:
        raise PulseError(
            "source.window_missing",
            f"The query on datasource {query.datasource} names :{found[0]}, and there is no window.",
            "Give the protocol a source.window, or the run --start and --end.",
        )
    return found


def rewrite(sql: str, replace: Callable[[str], str]) -> str:
    """The query with each parameter replaced by ``replace(name)``, such as ``$1``."""
    return _TOKENS.sub(lambda match: replace(match["name"]) if match["name"] else match[0], sql)


def statement(sql: str) -> str:
    """The query without the semicolon at its end, so that it can stand in brackets."""
    return sql.strip().rstrip(";").rstrip()
