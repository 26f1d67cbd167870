r"""One meaning for a ``pattern``, whichever engine looks: Python's on requests, Rust's on whole columns.

``\d``, ``\w``, ``\s`` and ``\b`` are ASCII, as JSON Schema has ``\d`` and ``\w``: what Unicode means by them differs
between engines and their versions. What only one engine knows, or both read differently, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

_SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\r\f\v"}
_FLAGS = re.compile(r"\(\?([a-zA-Z-]+)[:)]")
_COUNT = re.compile(r"\{\d+(,\d*)?\}")
# Outside of a class; "\<" is a word's start to Rust and a plain sign to Python.
_OTHER_MEANINGS = {"<": "\\<", ">": "\\>", "B": "\\B"}

Where = Literal["outside", "inside"]


def for_python(pattern: str) -> str:
    r"""The pattern as Python's ``re`` must be given it; ``$`` is the end of the text only, as in Rust."""
    return _rewritten(pattern, end=r"\Z", boundary=r"(?a:\b)")


def for_rust(pattern: str) -> str:
    """The pattern as Rust's engine, in polars, must be given it."""
    return _rewritten(pattern, end="$", boundary=r"(?-u:\b)")


def fault(pattern: str) -> str | None:
    """Why the two engines would not read a pattern alike, though each may take it; None where they do."""
    for flags in _FLAGS.findall(pattern):
        if set(flags) - set("is"):
            return f"of the flags (?{flags}) only i and s mean the same everywhere"
    before = ""
    for where, sign in _tokens(pattern):
        reason = _inside(sign, before) if where == "inside" else _outside(sign, before)
        if reason:
            return reason
        before = sign
    return None


def _inside(sign: str, before: str) -> str | None:
    if sign == "[":
        return "a '[' inside of [...] needs a backslash"
    if sign in ("\\D", "\\W", "\\S"):
        return f"{sign} cannot be inside of [...]; write [^...]"
    if sign == before and sign in ("&", "-", "~", "|"):
        return f"{sign * 2} inside of [...] means something to one engine only"
    return None


def _outside(sign: str, before: str) -> str | None:
    if sign[0] == "\\" and sign[1:2] in _OTHER_MEANINGS:
        return f"{sign} does not mean the same to every engine"
    if sign[0] == "{" and (before == "\\b" or not _COUNT.fullmatch(sign)):
        return "a '{' that is no count such as {2,5} needs a backslash"
    if sign == "+" and (before[-1:] in ("*", "+", "?") or _COUNT.fullmatch(before)) and before[0] != "\\":
        return f"the + after {before} does not mean the same to every engine"
    return None


def _rewritten(pattern: str, *, end: str, boundary: str) -> str:
    out: list[str] = []
    for where, sign in _tokens(pattern):
        name = sign[1:2] if sign[0] == "\\" else ""
        if where == "inside":
            out.append(_SETS.get(name, sign))
        elif sign == "$":
            out.append(end)
        elif name == "b":
            out.append(boundary)
        elif name.lower() in _SETS:
            out.append(f"[{'^' if name.isupper() else ''}{_SETS[name.lower()]}]")
        else:
            out.append(sign)
    return "".join(out)


def _tokens(pattern: str) -> Iterator[tuple[Where, str]]:
    """Signs, escapes of two signs and counts, each with whether it is inside of a character class."""
    place, class_from = 0, -1
    while place < len(pattern):
        sign = pattern[place : place + 2] if pattern[place] == "\\" else pattern[place]
        if class_from < 0 and sign == "{":
            sign = pattern[place : pattern.find("}", place) + 1] or sign
        if class_from < 0 and sign == "[":
            class_from = place + (2 if pattern[place + 1 : place + 2] == "^" else 1)
            yield "outside", sign
        elif class_from >= 0 and sign == "]" and place > class_from:
            class_from = -1
            yield "outside", sign
        else:
            yield "inside" if class_from >= 0 else "outside", sign
        place += len(sign)
