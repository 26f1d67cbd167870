"""The text of a LightGBM model: what of it identifies the model, and what only names a machine."""

from __future__ import annotations

import hashlib
import re

_PARAMETERS = b"\nparameters:"
_PARAMETER = re.compile(rb"(?m)^\[(\w+): (.*)\]$")
_PASSING = (
    (re.compile(rb"(?m)^\[num_threads: -?\d+\]$"), b"[num_threads: 0]"),
    (re.compile(rb"(?m)^\[machines: .*\]$"), b"[machines: ]"),
    (re.compile(rb"(?m)^\[local_listen_port: \d+\]$"), b"[local_listen_port: 12400]"),
)


def trees_sha256(model_text: bytes) -> str:
    """The sha256 of the text before its parameters: the same trees, however many threads grew them."""
    trees, _, _ = model_text.partition(_PARAMETERS)
    return hashlib.sha256(trees).hexdigest()


def parameters_of(model_text: bytes) -> dict[str, str]:
    """Every parameter that the model was fitted with, as LightGBM wrote it down."""
    _, _, rest = model_text.partition(_PARAMETERS)
    return {name.decode(): value.decode() for name, value in _PARAMETER.findall(rest)}


def normalised(model_text: str) -> bytes:
    """The text without what names machines, addresses and threads, so that it does not depend on where it was made."""
    head, mark, parameters = model_text.encode().partition(_PARAMETERS)
    for pattern, instead in _PASSING:
        parameters = pattern.sub(instead, parameters)
    return head + mark + parameters
