"""What can be said of SQL without running it: its named parameters, its text without literals and comments."""

from __future__ import annotations

import re

_OPAQUE = re.compile(
    r"""'[^']*'          # text ('' inside is two of them in a row)
      | "[^"]*"          # a quoted name
      | `[^`]*`
      | --[^\n]*
      | /\*.*?(?:\*/|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_PARAMETER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


def bare(sql: str) -> str:
    """The text with every literal, quoted name and comment replaced by a space."""
    return _OPAQUE.sub(" ", sql)


def parameters(sql: str) -> set[str]:
    """The names of its ``:name`` parameters; ``::type`` is a cast, and one in a literal or comment is none."""
    return set(_PARAMETER.findall(bare(sql)))
