"""How many cores this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_cores() -> int:
    """Those that it may run on, or fewer where its container has a smaller share of them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = quota(_QUOTA.read_text(encoding="ascii")) if _QUOTA.is_file() else None
    return min(cores, limit or cores)


def quota(cpu_max: str) -> int | None:
    """A container's share of the cores, rounded up, from cgroup's ``QUOTA PERIOD``; None for no limit."""
    share, _, period = cpu_max.partition(" ")
    return None if share == "max" else max(math.ceil(int(share) / int(period)), 1)
