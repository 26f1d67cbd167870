"""How long the lineage page takes over a full ledger: each page from a runtime, live and archived ids.

``BENCH_ROWS`` is a list of sizes (default: 100000 1000000).
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import datetime as dt
import os
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from pulse_blocks import settings
from pulse_blocks.archive.maintaining import seal
from pulse_blocks.archive.moving import move
from pulse_blocks.ledger import open_ledger
from pulse_blocks.stores import open_store
from tests.bench.lineage import real_inputs, rows_of
from tests.served_models import runtime, train_and_promote

_TIMES, _LIVE_DAYS = 20, 90


def main() -> None:
    """A block of figures for each size, on SQLite."""
    sizes = os.environ.get("BENCH_ROWS", "100000 1000000").replace(",", " ").split()
    with tempfile.TemporaryDirectory() as temporary:
        inputs = real_inputs(Path(temporary))
        for rows in map(int, sizes):
            with tempfile.TemporaryDirectory() as folder:
                _measure(Path(folder).resolve(), inputs, rows)


def _measure(folder: Path, inputs: list[tuple[str, bytes]], count: int) -> None:
    workspace = settings.load(folder, environ={})
    champion = train_and_promote(workspace)
    first = last = ""
    with open_ledger(workspace.ledger) as ledger:
        for group in rows_of(champion.model, inputs, count):
            ledger.append(group)
            first, last = first or group[0][0], group[-1][0]
        until = dt.datetime.now(dt.UTC) - dt.timedelta(days=_LIVE_DAYS)
        move(ledger, open_store(workspace.store), champion.name, until)
        seal(ledger, dt.datetime.now(dt.UTC))
    print(f"\n{count:,} inferences, those older than {_LIVE_DAYS} days archived")
    pages = {
        "all models": "",
        "one model": f"models/{champion.name}",
        "tree of a live inference": f"lineage/{last}",
        "tree of an archived inference": f"lineage/{first}",
        "tree of a model, with counts": f"lineage/{champion.model}",
    }
    with runtime(workspace, champion.name) as (url, _):
        for what, path in pages.items():
            seconds = [_load(f"{url}/ui/{path}") for _ in range(_TIMES)]
            rest = statistics.median(seconds[1:])
            print(f"  {what:32} first {seconds[0] * 1000:7.1f} ms, then {rest * 1000:7.1f} ms", flush=True)


def _load(url: str) -> float:
    started = time.perf_counter()
    with urllib.request.urlopen(url) as reply:
        reply.read()
    return time.perf_counter() - started
