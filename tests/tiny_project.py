"""A project small enough to train in a second: its protocol, its data, its flows."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

PROTOCOL = """\
pulse: 1
name: tiny
version: 1.0.0
description: Is a parcel late?
task: binary-classification
source:
  datasource: parcels
  query: select * from parcels where sent >= :start and sent < :end
  window: {start: 2026-01-01, end: 2026-03-01}
  time: sent
  key: [parcel]
features:
  weight: {type: float, ge: 0, le: 50, unit: kg}
  distance: {type: float, ge: 0, le: 2000, unit: km, nullable: true}
  carrier: {type: category, values: [bike, train, van]}
  express: {type: bool}
target: {name: late, type: bool}
checks:
  - {unique: [parcel]}
on_invalid: {quarantine_up_to: 0.01}
training:
  seed: 3
  params: {num_leaves: 7, min_data_in_leaf: 20}
  rounds: 20
  split: {by: time, test: 0.2}
  metrics: [accuracy, f1_score, roc_auc]
  gates:
    - {metric: roc_auc, at_least: 0.6}
    - {metric: roc_auc, not_below_champion_by: 0.01}
"""

# What `pulse predict tiny` may be asked.
RECORD = {"weight": 2.5, "distance": 700.0, "carrier": "train", "express": False}


def write_parcels(path: Path, rows: int = 3000, seed: int = 1, *, broken: float = 0.0) -> None:
    """A table ``parcels``: late ones are heavy, far and not express. ``broken`` is the share of bad weights."""
    draw = random.Random(seed)  # noqa: S311  data, not secrets
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as db:
        db.execute(
            "create table parcels (parcel text primary key, sent text, weight real, distance real, carrier text,"
            " express integer, late integer)"
        )
        for at in range(rows):
            weight = round(draw.uniform(0, 50), 2)
            distance = None if draw.random() < 0.05 else round(draw.uniform(0, 2000), 1)
            carrier, express = draw.choice(["bike", "train", "van"]), draw.random() < 0.3
            score = weight / 25 + (distance or 900) / 900 - 2 * express + draw.gauss(0, 0.7)
            if draw.random() < broken:
                weight = -1.0
            day, hour = at * 59 // rows, at % 24
            sent = f"2026-{1 + day // 31:02d}-{1 + day % 31:02d} {hour:02d}:00:00"
            row = (f"p{at:06d}", sent, weight, distance, carrier, int(express), int(score > 2))
            db.execute("insert into parcels values (?,?,?,?,?,?,?)", row)
    db.close()


def make_project(folder: Path, protocol: str = PROTOCOL) -> Path:
    """A folder with the protocol ``tiny``, its data as the datasource ``parcels``, and this project's flows."""
    (folder / "protocols").mkdir(parents=True)
    (folder / "protocols" / "tiny.yaml").write_text(protocol)
    shutil.copytree(ROOT / "flows", folder / "flows", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".pulse").mkdir()
    (folder / ".pulse" / "workspace.toml").write_text(
        '[datasources.parcels]\nurl = "sqlite:///.pulse/parcels.db"\n'
    )
    write_parcels(folder / ".pulse" / "parcels.db")
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a ``pulse`` process that works in ``folder`` and nowhere else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULSE_")}
    return {**kept, "PULSE_ROOT": str(folder), "NO_COLOR": "1", "DO_NOT_TRACK": "1", **more}


def pulse(
    folder: Path, *arguments: str, timeout: float = 180, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run ``pulse`` as a process of its own in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "pulse_blocks", *arguments],
        cwd=folder,
        env=environment(folder, **env),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
