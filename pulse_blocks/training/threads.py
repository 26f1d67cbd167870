"""How many threads LightGBM gets, and how they wait.

Import this module before lightgbm: OpenMP reads its settings when it is loaded.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from pulse_blocks.protocol.spec import Protocol

# By default waiting threads spin, and where a core is shared (another process, a container's quota) they keep
# from it the very thread they wait for: 18 s instead of 1.7 s for the same trees on two busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def available_threads(protocol: Protocol) -> int:
    """The cores that this process may use, or fewer where the protocol says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = quota(_QUOTA.read_text(encoding="ascii")) if _QUOTA.is_file() else None
    asked = protocol.training.resources.cpu
    limits = [cores, *([limit] if limit else []), *([asked] if isinstance(asked, int) else [])]
    return min(limits)


def quota(cpu_max: str) -> int | None:
    """A container's share of the cores, rounded up, from cgroup's ``QUOTA PERIOD``; None for no limit."""
    share, _, period = cpu_max.partition(" ")
    return None if share == "max" else max(math.ceil(int(share) / int(period)), 1)
