"""The callback of each round (bar, metrics to MLflow) as a share of the fit that it follows."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.processes import ROWS, RUNS, judged, load_average, median
from tests.bench.training_ways import in_turn, once


def main() -> None:
    """Print the share."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        once("make", folder)
        found = in_turn(("told",), folder)["told"]
    print(f"{ROWS:,} rows, median of {RUNS}, load average {load_average()}")
    judged("of the fit's time in the callback", 100 * median(found, "share"), "%", 1)
