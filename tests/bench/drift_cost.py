"""What a whole check costs: 10,000 rows of 30 columns with Evidently's page, after training on more and more data."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from pulse_blocks import settings
from tests import six_stages
from tests.bench.drift_flights import ROOT
from tests.bench.ratios import against
from tests.drifting_models import AFTER, ask
from tests.tiny_project import make_project

_TRAINED_ON = (20_000, 200_000)
_ROWS, _NUMBERS, _WORDS = 10_000, 22, 8
_LETTERS = "abcdefghij"
_NAMES = [f"number_{at:02d}" for at in range(_NUMBERS)], [f"word_{at}" for at in range(_WORDS)]
_HEAD = """\
pulse: 1
name: tiny
version: 1.0.0
description: Thirty features.
task: binary-classification
source:
  datasource: parcels
  query: select * from wide where sent >= :start and sent < :end
  window: {start: 2026-01-01, end: 2026-03-01}
  time: sent
  key: [parcel]
features:
"""
_TAIL = """\
target: {name: late, type: bool}
training: {seed: 3, params: {num_leaves: 15}, rounds: 20, split: {by: time, test: 0.2}, metrics: [roc_auc]}
monitoring: {window: {days: 7}, persistence: 1}
"""
_CHECK = """
import json, re, sys, time
began, cpu = time.monotonic(), time.process_time()
from pathlib import Path
from pulse_blocks import settings
from pulse_blocks.drift.checking import Check
from pulse_blocks.drift.page import draw
from pulse_blocks.ledger import open_ledger
from pulse_blocks.protocol import loading
from pulse_blocks.stores import open_store
workspace = settings.load(Path(sys.argv[1]), environ={})
protocol = loading.load(loading.find(workspace, "tiny"))
with open_ledger(workspace.ledger) as ledger:
    found = Check(protocol, ledger, open_store(workspace.store)).run()
decided = time.monotonic() - began
page = draw(found.compared)
spent = time.monotonic() - began, time.process_time() - cpu
peak = re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())
result = found.result
print(json.dumps({"seconds": spent[0], "cpu": spent[1], "decided": decided, "page": len(page),
                  "mb": int(peak[1]) / 1024, "rows": result.used, "columns": len(result.features)}))
"""


def table(folder: Path) -> None:
    """Each size in a project of its own; the check in a process of its own, imports and all, three times."""
    for rows in _TRAINED_ON:
        project = _project(folder / f"wide-{rows}", rows)
        runs = [_check(project) for _ in range(3)]
        best = min(runs, key=lambda run: float(run["seconds"]))
        print(
            f"trained on {rows:,} rows; a check of {best['rows']:,} x {best['columns']} in a new process,"
            f" page {best['page'] / 1e6:.1f} MB, imports counted, best of three:"
        )
        print(
            "  "
            + against("seconds", best["seconds"], 6)
            + f"; of processor {best['cpu']:.1f}; decided after {best['decided']:.1f}"
        )
        print("  " + against("peak MB", max(run["mb"] for run in runs), 600), flush=True)


def _check(project: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CHECK, str(project)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return dict(json.loads(done.stdout))


def _project(folder: Path, rows: int) -> Path:
    """A model of thirty features, trained by the six stages, and a week of 10,000 answers after it."""
    features = "".join(f"  {name}: {{type: float}}\n" for name in _NAMES[0])
    features += "".join(
        f"  {name}: {{type: category, values: [{', '.join(_LETTERS)}]}}\n" for name in _NAMES[1]
    )
    make_project(folder, _HEAD + features + _TAIL)
    draw = np.random.default_rng(1)
    numbers, words = draw.normal(size=(rows, _NUMBERS)), draw.choice(list(_LETTERS), (rows, _WORDS))
    late = numbers[:, 0] + numbers[:, 1] + draw.normal(size=rows) > 0
    names = ["parcel text primary key", "sent text", "late integer"]
    columns = [f"{name} real" for name in _NAMES[0]] + [f"{name} text" for name in _NAMES[1]]
    with sqlite3.connect(folder / ".pulse" / "parcels.db") as db:
        db.execute(f"create table wide ({', '.join(names + columns)})")
        db.executemany(
            f"insert into wide values ({','.join('?' * (3 + _NUMBERS + _WORDS))})",  # noqa: S608 - marks only
            (
                (
                    f"p{at:07d}",
                    _day(at * 59 // rows),
                    int(late[at]),
                    *numbers[at].tolist(),
                    *words[at].tolist(),
                )
                for at in range(rows)
            ),
        )
    db.close()
    workspace = settings.load(folder, environ={})
    six_stages.run(workspace)
    chance = random.Random(2)  # noqa: S311 - test data
    ask(workspace, [_record(chance) for _ in range(_ROWS)], AFTER)
    return folder


def _day(number: int) -> str:
    return f"2026-{1 + number // 31:02d}-{1 + number % 31:02d} 12:00:00"


def _record(chance: random.Random) -> dict[str, Any]:
    return {name: chance.gauss(0.2, 1) for name in _NAMES[0]} | {
        name: chance.choice(_LETTERS) for name in _NAMES[1]
    }
