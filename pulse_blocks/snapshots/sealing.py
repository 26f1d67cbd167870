"""JSON files that carry a checksum over themselves, so that a flipped bit in what no other hash covers is found.

A sealed file is a JSON object with one more key in front, ``checksum``: the sha256 of the same JSON without that key.
"""

from __future__ import annotations

import hashlib

_HEAD, _HEX, _TAIL = b'{"checksum":"', 64, b'",'


def seal(data: bytes) -> bytes:
    """A JSON object with its checksum in front."""
    return _HEAD + hashlib.sha256(data).hexdigest().encode("ascii") + _TAIL + data[1:]


def holds(data: bytes) -> bool:
    """Whether a sealed object is what it was when it was sealed."""
    start = len(_HEAD) + _HEX
    return seal(b"{" + data[start + len(_TAIL) :]) == data
