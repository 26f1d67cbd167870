"""Training on 1, 2 and 4 Dask workers with a thread each, beside one process with as many threads.

The cluster's start counts apart. The network is all that loopback carried meanwhile.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, RUNS, judged, load_average, median
from tests.bench.training_ways import in_turn, once

WAYS = ("threads:1", "threads:2", "dask:1", "dask:2", "dask:4")


def main() -> None:
    """Print the table, and what was asked for of two workers."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        once("make", folder)
        found = in_turn(WAYS, folder)
    print(f"{ROWS:,} rows x 30 columns, medians of {RUNS} in turn, load average {load_average()}")
    base = median(found["threads:2"], "seconds")
    for way in WAYS:
        runs = found[way]
        seconds = median(runs, "seconds")
        network = f"{median(runs, 'network_mb'):8.1f} MB" if "network_mb" in runs[0] else ""
        print(
            f"  {way:<10} {seconds:7.1f} s, {seconds / base:5.2f} of two threads, auc {runs[0]['auc']:.5f} {network}"
        )
    judged("two workers, times two threads", median(found["dask:2"], "seconds") / base, "", 1.3)
    apart = max(abs(found[way][0]["auc"] - found["threads:1"][0]["auc"]) for way in WAYS)
    judged("largest difference of AUC", apart, "", 0.002)
    for way in ("dask:2", "dask:4"):
        print(f"  {way} grew the same trees each time: {len({one['trees'] for one in found[way]}) == 1}")
