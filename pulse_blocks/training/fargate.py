"""The sizes that AWS Fargate sells: cpu in units (1024 is a core) and memory in MiB, valid pairs only.

Source: Amazon ECS developer guide, "Task CPU and memory" for Linux tasks.
"""

from __future__ import annotations

from typing import NamedTuple

from pulse_blocks.errors import PulseError

MIB = 2**20
CORE = 1024
# Units of cpu → the least, the greatest and the step of memory in MiB.
_RANGES = {
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
# The smallest has no even step.
_SMALLEST = (256, (512, 1024, 2048))


class Pair(NamedTuple):
    """A size that can be asked for: units of cpu and MiB of memory."""

    cpu: int
    memory: int


def pairs() -> list[Pair]:
    """Every valid pair, the smallest first."""
    cpu, memories = _SMALLEST
    found = [Pair(cpu, memory) for memory in memories]
    for units, (least, greatest, step) in _RANGES.items():
        found += [Pair(units, memory) for memory in range(least, greatest + 1, step)]
    return found


def round_up(cores: float, memory: int) -> Pair:
    """The smallest pair with at least so many cores and so many bytes. Raises PulseError where there is none."""
    units, mib = cores * CORE, memory / MIB
    for pair in pairs():
        if pair.cpu >= units and pair.memory >= mib:
            return pair
    raise PulseError(
        "training.too_large",
        f"Fargate has no machine with {cores:g} cores and {mib:,.0f} MiB.",
        "Its largest has 16 cores and 122,880 MiB: use another pool, or several workers (training.resources.workers).",
    )
