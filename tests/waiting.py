"""Waiting for what must come true, and no longer than it may take."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], seconds: float, pause: float = 0.02) -> bool:
    """Whether ``holds`` came true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(pause)
    return False
