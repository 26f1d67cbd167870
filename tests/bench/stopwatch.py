"""Seconds and peak memory of the steps of one process."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path


class Stopwatch:
    """``laps`` maps the name of a step to (seconds, peak resident MB while it ran)."""

    def __init__(self) -> None:
        self.laps: dict[str, tuple[float, float]] = {}

    @contextlib.contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Measure the block. The kernel's high-water mark is reset at its start (Linux)."""
        reset_peak()
        started = time.perf_counter()
        yield
        self.laps[name] = (round(time.perf_counter() - started, 2), peak_mb())


def reset_peak() -> None:
    """Let the high-water mark of resident memory begin anew at what is resident now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The high-water mark of this process's resident memory in MB; 0 where the system does not tell."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return 0.0
    return round(int(found[1]) / 1024, 1) if found else 0.0
