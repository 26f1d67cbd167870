"""What the text of a LightGBM model says of its trees."""

from __future__ import annotations

from collections.abc import Iterator

_CHILDREN = (b"\nleft_child=", b"\nright_child=")


def are_finite(model_text: bytes) -> bool:
    """Whether every way through every tree ends: each inner node leads to later ones or to leaves, as LightGBM writes.

    A text that was made by somebody else may send a row round in circles for ever.
    """
    # Leaves are below zero. LightGBM's own reading of a number goes further than Python's, but not than these.
    try:
        return not any(
            0 <= child <= node
            for name in _CHILDREN
            for line in _lines(model_text, name)
            for node, child in enumerate(map(int, line.split()))
        )
    except ValueError:
        return False


def _lines(text: bytes, name: bytes) -> Iterator[bytes]:
    """What follows a name, up to the end of its line. A regular expression takes eight times as long."""
    at = text.find(name)
    while at >= 0:
        end = text.find(b"\n", at + len(name))
        yield text[at + len(name) : end if end >= 0 else None]
        at = text.find(name, at + len(name))
