"""The whole pipeline at 1,247,832 rows beside one plain script that does the same by hand.

Three runs in turn, medians. ``BENCH_ROWS`` and ``BENCH_RUNS`` make it smaller.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pulse_blocks.cli.demo_data import Which, prepare
from pulse_blocks.settings import load
from tests.prefect_server import running_server
from tests.tiny_project import ROOT, environment

ROWS = int(os.environ.get("BENCH_ROWS", "1247832"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))


def main() -> None:
    """Print the table: steps of each, then the whole of each and their ratio."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        project = _project(folder / "data")
        database = project / ".pulse" / "data" / "transactions.db"
        plain, stages, whole = [], [], []
        with running_server(folder) as server:
            for run in range(RUNS):
                place = folder / f"plain-{run}"
                place.mkdir()
                plain.append(_measure("tests.bench.peers.plain_script", str(database), str(place)))
                stages.append(_measure("tests.bench.pulse_stages", str(_fresh(project, folder / f"s{run}"))))
                home = _fresh(project, folder / f"w{run}")
                whole.append(
                    _measure("pulse_blocks", "run", "fraud-detector", "--json", home=home, **server.env)
                )
    print(f"{ROWS:,} rows, medians of {RUNS} runs in turn; seconds and peak resident MB")
    _table("plain script", plain)
    _table("Pulse, stages alone", stages)
    print("\n`pulse run` as a whole, a Prefect server being there:")
    ours, theirs = _median(whole, "seconds"), _median(plain, "seconds")
    our_mb, their_mb = _median(whole, "peak_mb"), _median(plain, "peak_mb")
    print(f"  seconds {ours:7.1f} against {theirs:7.1f}: ratio {ours / theirs:.2f}")
    print(f"  peak MB {our_mb:7.0f} against {their_mb:7.0f}: ratio {our_mb / their_mb:.2f}")


def _project(folder: Path) -> Path:
    """A project with the table of transactions, written once."""
    (folder / "protocols").mkdir(parents=True)
    shutil.copy(ROOT / "protocols" / "fraud-detector.yaml", folder / "protocols")
    shutil.copytree(ROOT / "flows", folder / "flows")
    prepare(Which.transactions, load(folder, environ={}), ROWS, 7)
    return folder


def _fresh(project: Path, folder: Path) -> Path:
    """The same project where nothing has run, its datasource the same file."""
    for name in ("protocols", "flows"):
        shutil.copytree(project / name, folder / name)
    (folder / ".pulse").mkdir()
    source = project / ".pulse" / "data" / "transactions.db"
    (folder / ".pulse" / "workspace.toml").write_text(
        f'[datasources.transactions]\nurl = "sqlite:///{source}"\n'
    )
    return folder


def _measure(module: str, *arguments: str, home: Path | None = None, **env: str) -> dict[str, Any]:
    """Run a module in a process of its own: what it printed, its seconds, its peak memory."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=home or ROOT,
        env=environment(home or ROOT, **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{module} failed: {process.stderr.read().decode() if process.stderr else ''}")
    seconds = time.perf_counter() - started
    found = json.loads(printed)
    # A stopwatch resets the kernel's high-water mark at each lap: the whole's peak is the highest of them.
    laps = [peak for _, peak in found.get("laps", {}).values()]
    return {**found, "seconds": seconds, "peak_mb": max([usage.ru_maxrss / 1024, *laps])}


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.median(run[name] for run in runs)


def _table(title: str, runs: list[dict[str, Any]]) -> None:
    print(f"\n{title}:")
    for step in runs[0]["laps"]:
        seconds = statistics.median(run["laps"][step][0] for run in runs)
        peak = statistics.median(run["laps"][step][1] for run in runs)
        print(f"  {step:<10} {seconds:7.1f} s {peak:7.0f} MB")
    print(f"  {'whole':<10} {_median(runs, 'seconds'):7.1f} s {_median(runs, 'peak_mb'):7.0f} MB")
