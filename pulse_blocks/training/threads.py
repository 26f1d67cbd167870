"""How many threads LightGBM gets, and how they wait.

Import this module before lightgbm: OpenMP reads its settings when it is loaded.
"""

from __future__ import annotations

import os

from pulse_blocks.cores import available_cores
from pulse_blocks.protocol.spec import Protocol

# By default waiting threads spin, and where a core is shared (another process, a container's quota) they keep
# from it the very thread they wait for: 18 s instead of 1.7 s for the same trees on two busy cores.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def available_threads(protocol: Protocol) -> int:
    """The cores that this process may use, or fewer where the protocol says so."""
    cores, asked = available_cores(), protocol.training.resources.cpu
    return min(cores, asked) if isinstance(asked, int) else cores
