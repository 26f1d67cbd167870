"""Ten times the rows from SQLite to a verified snapshot: how much longer that takes, and how much more memory.

It writes a database of 3.3 GB. Runs alternate between both sizes; medians. ``BENCH_ROWS`` is the smaller size.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pulse_blocks.demo.transactions import write_transactions
from tests.bench.processes import ROWS, RUNS, Figures, judged, load_average, measured, median


def main() -> None:
    """Print both sizes, and their ratios."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sizes = (ROWS, 10 * ROWS)
        for rows in sizes:
            write_transactions(folder / f"{rows}.db", rows)
        runs: dict[int, list[Figures]] = {rows: [] for rows in sizes}
        for _ in range(RUNS):
            for rows in sizes:
                runs[rows].append(
                    measured("tests.bench.snapshot_once", folder / f"{rows}.db", folder / "store")
                )
                shutil.rmtree(folder / "store")
    print(f"medians of {RUNS} runs in turn, load average {load_average()}")
    for rows, found in runs.items():
        seconds, cpu, peak = (median(found, name) for name in ("seconds", "cpu", "peak_mb"))
        print(f"  {rows:12,} rows {seconds:7.2f} s ({cpu:.1f} of CPU) {peak:6.0f} MB peak")
    once, tenfold = runs.values()
    judged(
        "times as long for ten times the rows", median(tenfold, "seconds") / median(once, "seconds"), "", 11
    )
    judged("times the memory", median(tenfold, "peak_mb") / median(once, "peak_mb"), "", 1.3)
