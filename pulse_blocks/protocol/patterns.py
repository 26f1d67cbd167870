"""One meaning for a ``pattern``, whichever engine looks: Python's on requests, Rust's on whole columns."""

from __future__ import annotations


def for_python(pattern: str) -> str:
    r"""The pattern with ``\Z`` for ``$``: the end of the text only, as in Rust.

    Python's ``$`` also matches before a last line break. Escaped ones and those in a class stay as they are.
    """
    out: list[str] = []
    escaped = False
    class_from: int | None = None
    for place, letter in enumerate(pattern):
        ends_text = letter == "$" and not escaped and class_from is None
        out.append(r"\Z" if ends_text else letter)
        if escaped:
            escaped = False
        elif letter == "\\":
            escaped = True
        elif class_from is None and letter == "[":
            class_from = place + 2 if pattern[place + 1 : place + 2] == "^" else place + 1
        elif class_from is not None and letter == "]" and place > class_from:
            class_from = None
    return "".join(out)
