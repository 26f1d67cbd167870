"""Pulse: an ML runtime as a plugin on Prefect.

This module imports nothing heavy, because the command line and the runtime pass through it; its public names
load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "AsyncPulseClient": "pulse_blocks.client",
    "Protocol": "pulse_blocks.protocol.spec",
    "PulseClient": "pulse_blocks.client",
    "PulseError": "pulse_blocks.errors",
    "Workspace": "pulse_blocks.settings",
    "load_protocol": "pulse_blocks.protocol.loading",
    "load_workspace": "pulse_blocks.settings",
}
_RENAMED = {"load_protocol": "load", "load_workspace": "load"}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604  the keys of a dict of strings


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), _RENAMED.get(name, name))


def __dir__() -> list[str]:
    return __all__
