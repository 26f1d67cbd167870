"""Drift: calm weeks and drifted months of real flights, peers, what retraining gains, known answers, cost, latency.

Each part is printed when it is done, and one that fails leaves the others alone. ``BENCH_PARTS="calm months peers
retraining synthetic cost tripwire latency"`` chooses some; ``BENCH_PEERS=none`` leaves NannyML's environment out.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import os
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from tests.bench import (
    drift_cost,
    drift_latency,
    drift_peers,
    drift_synthetic,
    drift_tables,
    tripwire,
)
from tests.bench.drift_flights import Flights, prepare


def main() -> None:
    """All parts, or those that are asked for."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        @cache
        def flights() -> Flights:
            (folder / "flights").mkdir()
            return prepare(folder / "flights")

        parts: dict[str, Callable[[], None]] = {
            "calm": lambda: drift_tables.calm_weeks(flights()),
            "months": lambda: drift_tables.months(flights()),
            "peers": lambda: drift_peers.table(flights(), folder),
            "retraining": lambda: drift_tables.retraining(flights()),
            "synthetic": drift_synthetic.tables,
            "cost": partial(drift_cost.table, folder),
            "tripwire": tripwire.main,
            "latency": partial(drift_latency.table, folder),
        }
        for name in os.environ.get("BENCH_PARTS", " ".join(parts)).split():
            _part(name, parts[name])


def _part(name: str, part: Callable[[], None]) -> None:
    print(f"\n### {name}\n", flush=True)
    began = time.monotonic()
    try:
        part()
    except (Exception, SystemExit):  # noqa: BLE001 - said, and the other parts go on
        print(f"not measured:\n{traceback.format_exc()}")
    print(f"({time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f})", flush=True)
