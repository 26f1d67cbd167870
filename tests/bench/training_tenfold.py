"""Ten times the transactions, 12.5 million rows: snapshot, fit in the training process, and its peak memory.

It writes 1 GB. ``BENCH_ROWS`` is a tenth of the rows; ``BENCH_ROUNDS`` makes it shorter.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
import tempfile

from tests.bench.processes import ROWS, judged, load_average, measured
from tests.bench.training_once import ROUNDS, contract, make, opened


def main() -> None:
    """Print seconds and peak, and what the plan says."""
    from pulse_blocks.training.sizing import GIB, MIB, predicted

    rows = int(os.environ.get("BENCH_TENFOLD", 10 * ROWS))
    with tempfile.TemporaryDirectory() as folder:
        snapshot = make(folder, rows)
        said = predicted(contract(rounds=ROUNDS), snapshot)
        found = measured("tests.bench.training_once", "process", folder)
        assert opened(folder)[1].id == snapshot.id
    print(f"{snapshot.rows:,} rows x 30 columns, {ROUNDS} rounds, one run, load average {load_average()}")
    print(f"  {found['seconds']:.0f} s ({found['cpu']:.0f} of CPU; the plan says {said.cpu_seconds:.0f})")
    judged("peak of the training process", found["peak"] / GIB, "GiB", 8)
    ratio = said.memory / found["peak"]
    judged("predicted, times the peak", ratio, "", 1.3)
    judged("predicted, times the peak", ratio, "", 1.0, least=True)
    print(f"  predicted {said.memory / MIB:,.0f} MiB, measured {found['peak'] / MIB:,.0f} MiB")
