"""What the text of a LightGBM model says of its trees."""

from __future__ import annotations

from collections.abc import Iterator

_TREE, _LEFT, _RIGHT = b"\nTree=", b"\nleft_child=", b"\nright_child="
_DIGITS = b"-0123456789 "


def are_finite(model_text: bytes) -> bool:
    """Whether every way through every tree ends: each inner node leads to later ones or to leaves, as LightGBM writes.

    A text that was made by somebody else may send a row round in circles for ever. Whatever is not written as
    LightGBM writes it is taken for such a text.
    """
    trees = model_text.count(_TREE)
    # LightGBM ends lines at these too.
    if not trees or b"\r" in model_text:
        return False
    return all(
        model_text.count(name) == trees and all(map(_leads_on, _lines(model_text, name)))
        for name in (_LEFT, _RIGHT)
    )


def _leads_on(line: bytes) -> bool:
    """Whether the children in a line come after their nodes; leaves are below zero, one more than there are nodes."""
    # Both read numbers in ways in which the other does not.
    if line.translate(None, _DIGITS):
        return False
    try:
        children = [int(child) for child in line.split()]
    except ValueError:
        return False
    count = len(children)
    return not any(
        not node < child < count and not -count - 2 < child < 0 for node, child in enumerate(children)
    )


def _lines(text: bytes, name: bytes) -> Iterator[bytes]:
    """What follows a name, up to the end of its line. A regular expression takes eight times as long."""
    at = text.find(name)
    while at >= 0:
        end = text.find(b"\n", at + len(name))
        yield text[at + len(name) : end if end >= 0 else None]
        at = text.find(name, at + len(name))
