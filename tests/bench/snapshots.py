"""SQLite to a verified snapshot at 1,247,832 x 30 beside pandas, what changes cost, and the speed of verifying.

Three runs in turn, medians, each in a process of its own. ``BENCH_ROWS``, ``BENCH_RUNS`` and ``BENCH_SEEDS`` make it
smaller or larger.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from pulse_blocks.demo.transactions import write_transactions
from tests.bench.processes import ROWS, RUNS, judged, load_average, measured, median
from tests.bench.snapshot_changes import costs

SEEDS = int(os.environ.get("BENCH_SEEDS", "100"))


def main() -> None:
    """Print the tables, with what each figure may be at most or least."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        database = folder / "transactions.db"
        write_transactions(database, ROWS)
        theirs, ours = [], []
        for run in range(RUNS):
            theirs.append(measured("tests.bench.peers.pandas_snapshot", database, folder / f"p{run}.parquet"))
            ours.append(measured("tests.bench.snapshot_once", database, folder / f"store{run}"))
        _speed(theirs, ours)
        again = measured("tests.bench.snapshot_once", database, folder / "store0")
        judged("second snapshot, new bytes", again["new_bytes"], "", 0)
        verified = [measured("tests.bench.snapshot_verify", folder / "store0") for _ in range(RUNS)]
        _verifying(verified)
        for line in costs(database, SEEDS):
            print(line)


def _speed(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    print(f"{ROWS:,} rows from SQLite, medians of {RUNS} runs in turn, load average {load_average()}")
    for name, runs in (
        ("pandas.read_sql + to_parquet", theirs),
        ("Pulse, verified, profile and sample", ours),
    ):
        seconds, cpu, peak, size = (median(runs, key) for key in ("seconds", "cpu", "peak_mb", "bytes"))
        print(
            f"  {name:36} {seconds:6.2f} s ({cpu:.1f} of CPU) {peak:6.0f} MB peak {size / 1e6:6.1f} MB on disk"
        )
    steps = ", ".join(f"{step} {median(ours, step):.2f} s" for step in ("ingest", "commit"))
    print(f"  of which {steps}")
    judged("times as fast", median(theirs, "seconds") / median(ours, "seconds"), "", 2.5, least=True)
    judged("peak memory", median(ours, "peak_mb"), "MB", 260)


def _verifying(runs: list[dict[str, Any]]) -> None:
    plain = median(runs, "plain")
    print(f"  {'plain sha256 of the files':36} {plain:6.0f} MB/s")
    for name, what in (("verify", "verify"), ("read", "hash check of verified reading")):
        share = median(runs, name) / plain
        print(f"  {what:36} {median(runs, name):6.0f} MB/s")
        judged(f"  {name} as a share of sha256", share, "", 0.6, least=True)
