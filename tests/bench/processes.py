"""One measurement is one process: a module that prints a JSON object of figures as its last line."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.tiny_project import ROOT, environment

RUNS = int(os.environ.get("BENCH_RUNS", "3"))
ROWS = int(os.environ.get("BENCH_ROWS", "1247832"))
Figures = dict[str, Any]


def measured(module: str, *arguments: object, python: Path | None = None) -> Figures:
    """Run a module, in a peer's environment where ``python`` is its interpreter. Raises SystemExit if it fails.

    To its figures ``process`` is added: the seconds from its start to its end, imports and all.
    """
    extra = {"PYTHONDONTWRITEBYTECODE": "", "DVC_NO_ANALYTICS": "1", "GX_ANALYTICS_ENABLED": "false"}
    started = time.perf_counter()
    done = subprocess.run(
        [str(python or sys.executable), "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**environment(ROOT), **extra},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{module} failed: {done.stderr}")
    seconds = time.perf_counter() - started
    return {**json.loads(done.stdout.splitlines()[-1]), "process": seconds}


def median(runs: Sequence[Figures], name: str) -> float:
    """The median of one figure."""
    return float(statistics.median(run[name] for run in runs))


def judged(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    """Print a figure beside what was asked for."""
    met = value >= limit if least else value <= limit
    bound = "at least" if least else "at most"
    print(f"  {what:44} {value:8,.2f} {unit:3} {bound} {limit:g}  {'met' if met else 'MISSED'}", flush=True)  # noqa: T201  a benchmark prints


def load_average() -> str:
    """How busy the machine is, for whoever reads the figures."""
    return ", ".join(f"{load:.1f}" for load in os.getloadavg())
