"""Training on the transactions beside pandas and Arrow: memory, time, the same trees; what deterministic costs.

``BENCH_ROWS`` and ``BENCH_RUNS`` make it smaller. Every way runs in a process of its own, in turn.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, RUNS, judged, load_average, median
from tests.bench.training_ways import in_turn, once

WAYS = ("ours", "pandas", "arrow", "not-deterministic")


def main() -> None:
    """Print each way, and ours beside the others."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        once("make", folder)
        found = in_turn(WAYS, folder)
    print(f"{ROWS:,} rows x 30 columns to a model, medians of {RUNS} in turn, load average {load_average()}")
    for way in WAYS:
        seconds, cpu, peak = (median(found[way], name) for name in ("seconds", "cpu", "peak_mb"))
        print(f"  {way:<18} {seconds:7.1f} s ({cpu:.0f} of CPU) {peak:7.0f} MB")
    ours = found["ours"]
    for other, most in (("pandas", 0.35), ("arrow", 0.6)):
        theirs = found[other]
        judged(f"times the memory of {other}", median(ours, "peak_mb") / median(theirs, "peak_mb"), "", most)
        judged(f"times the seconds of {other}", median(ours, "seconds") / median(theirs, "seconds"), "", 1)
        judged(f"times the CPU of {other}", median(ours, "cpu") / median(theirs, "cpu"), "", 1)
        print(f"  the same trees as from {other}: {ours[0]['trees'] == theirs[0]['trees']}")
    without = found["not-deterministic"]
    for name in ("seconds", "cpu"):
        ratio = median(ours, name) / median(without, name)
        print(f"  deterministic takes {ratio:.2f} times the {name} of training without")
