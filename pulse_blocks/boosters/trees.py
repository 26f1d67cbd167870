"""What the text of a LightGBM model says of its trees."""

from __future__ import annotations

import re

_CHILDREN = re.compile(rb"^(?:left|right)_child=(.*)$", re.MULTILINE)


def are_finite(model_text: bytes) -> bool:
    """Whether every way through every tree ends: each inner node leads to later ones or to leaves, as LightGBM writes.

    A text that was made by somebody else may send a row round in circles for ever.
    """
    return all(_leads_on(children.split()) for children in _CHILDREN.findall(model_text))


def _leads_on(children: list[bytes]) -> bool:
    # Leaves are below zero. LightGBM's own reading of a number goes further than Python's, but not than these.
    try:
        return all(not 0 <= int(child) <= node for node, child in enumerate(children))
    except ValueError:
        return False
