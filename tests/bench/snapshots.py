"""SQLite to a verified snapshot at 1,247,832 x 30 beside pandas, what changes cost, and the speed of verifying.

Three runs in turn, medians, each in a process of its own. ``BENCH_ROWS``, ``BENCH_RUNS`` and ``BENCH_SEEDS`` make it
smaller or larger.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pulse_blocks.demo.transactions import write_transactions
from tests.bench.snapshot_changes import costs
from tests.tiny_project import ROOT, environment

ROWS = int(os.environ.get("BENCH_ROWS", "1247832"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
SEEDS = int(os.environ.get("BENCH_SEEDS", "100"))


def main() -> None:
    """Print the tables, with what each figure may be at most or least."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        database = folder / "transactions.db"
        write_transactions(database, ROWS)
        theirs, ours = [], []
        for run in range(RUNS):
            theirs.append(_measure("tests.bench.peers.pandas_snapshot", database, folder / f"p{run}.parquet"))
            ours.append(_measure("tests.bench.snapshot_once", database, folder / f"store{run}"))
        _speed(theirs, ours)
        again = _measure("tests.bench.snapshot_once", database, folder / "store0")
        _print("second snapshot, new bytes", again["new_bytes"], "", 0)
        verified = [_measure("tests.bench.snapshot_verify", folder / "store0") for _ in range(RUNS)]
        _verifying(verified)
        for line in costs(database, SEEDS):
            print(line)


def _speed(theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> None:
    print(f"{ROWS:,} rows from SQLite, medians of {RUNS} runs in turn")
    for name, runs in (
        ("pandas.read_sql + to_parquet", theirs),
        ("Pulse, verified, profile and sample", ours),
    ):
        seconds, cpu, peak, size = (_median(runs, key) for key in ("seconds", "cpu", "peak_mb", "bytes"))
        print(
            f"  {name:36} {seconds:6.2f} s ({cpu:.1f} of CPU) {peak:6.0f} MB peak {size / 1e6:6.1f} MB on disk"
        )
    steps = ", ".join(f"{step} {_median(ours, step):.2f} s" for step in ("ingest", "commit"))
    print(f"  of which {steps}")
    _print("times as fast", _median(theirs, "seconds") / _median(ours, "seconds"), "", 2.5, least=True)
    _print("peak memory", _median(ours, "peak_mb"), "MB", 260)


def _verifying(runs: list[dict[str, Any]]) -> None:
    plain = _median(runs, "plain")
    print(f"  {'plain sha256 of the files':36} {plain:6.0f} MB/s")
    for name, what in (("verify", "verify"), ("read", "hash check of verified reading")):
        share = _median(runs, name) / plain
        print(f"  {what:36} {_median(runs, name):6.0f} MB/s")
        _print(f"  {name} as a share of sha256", share, "", 0.6, least=True)


def _print(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    met = value >= limit if least else value <= limit
    bound = "at least" if least else "at most"
    print(f"  {what:36} {value:8,.2f} {unit:3} {bound} {limit:g}  {'met' if met else 'MISSED'}", flush=True)


def _measure(module: str, *arguments: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=environment(ROOT),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed: {done.stderr}")
    return dict(json.loads(done.stdout))


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(run[name] for run in runs))
