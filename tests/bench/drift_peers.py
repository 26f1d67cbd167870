"""The same windows of flights judged by Pulse, by Evidently's defaults and by NannyML: verdicts, time, memory."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.bench import peer_environments
from tests.bench.drift_flights import (
    CALM,
    MONTHS,
    ROOT,
    WEEK,
    Flights,
    calm_distances,
    first_of,
    measure,
    verdict,
    week,
)


def table(flights: Flights, folder: Path) -> None:
    """The twelve calm weeks, then the first two of each month; a verdict of each, and what it costs."""
    windows = {f"calm {at + 1}": start for at, start in enumerate(CALM)}
    windows |= {f"{month:02d} week {n + 1}": first_of(month) + n * WEEK for month in MONTHS for n in range(2)}
    _write(flights, windows, folder)
    evidently = _judged("evidently", sys.executable, folder)
    nanny = None
    if os.environ.get("BENCH_PEERS") != "none":
        nanny = _judged("nannyml", str(peer_environments.python("nannyml")), folder)
    calm, began = calm_distances(flights), time.monotonic()
    ours = {}
    for name, start in windows.items():
        known = np.delete(calm, CALM.index(start), 1) if start in CALM else calm
        ours[name] = verdict(flights, known, measure(flights, start))
    spent = (time.monotonic() - began) / len(windows)
    print(
        "| window | Pulse: weighed share, drifted | Evidently's defaults: share, drifted | NannyML: share alerted |"
    )
    print("|:--|:--|:--|:--|")
    for name in windows:
        share = evidently["shares"][name]
        theirs = f"{nanny['shares'][name]:.2f}" if nanny else "not measured"
        mine = f"{ours[name].share:.2f} {_word(ours[name].drifted)}"
        print(f"| {name} | {mine} | {share:.2f} {_word(share >= 0.5)} | {theirs} |")
    _summary(windows, ours, evidently, nanny)
    print("\n| | seconds a window | once | peak memory |\n|:--|--:|--:|--:|")
    print(f"| Pulse, distances and verdict (a whole check with page: below) | {spent:.2f} | | |")
    for one in filter(None, (evidently, nanny)):
        said = f"{one['seconds']:.2f} | {one['once']:.1f} s | {one['mb']:,.0f} MB"
        print(f"| {one['version']} | {said} |")


def _summary(
    windows: dict[str, int], ours: dict[str, Any], evidently: dict[str, Any], nanny: dict[str, Any] | None
) -> None:
    calm = [name for name in windows if name.startswith("calm")]
    for said, names in (("calm weeks", calm), ("later weeks", [n for n in windows if n not in calm])):
        counts = [
            f"Pulse {sum(ours[name].drifted for name in names)}",
            f"Evidently's defaults {sum(evidently['shares'][name] >= 0.5 for name in names)}",
        ]
        if nanny:
            alerted = [nanny["shares"][name] for name in names]
            counts.append(f"NannyML with any alert {sum(share > 0 for share in alerted)}")
            counts.append(f"with half of the features {sum(share >= 0.5 for share in alerted)}")
        print(f"\n{said} called drifted, of {len(names)}: {', '.join(counts)}")


def _word(drifted: bool) -> str:
    return "yes" if drifted else "no"


def _write(flights: Flights, windows: dict[str, int], folder: Path) -> None:
    frames = {name: _frame(flights, week(flights, start)) for name, start in windows.items()}
    frames["reference"] = _frame(flights, flights.times < first_of(4))
    for name, data in frames.items():
        data.to_parquet(folder / f"{name}.parquet")
    categorical = [column.name for column in flights.measured[:-1] if column.categorical]
    (folder / "windows.json").write_text(json.dumps({"categorical": categorical, "windows": list(windows)}))


def _frame(flights: Flights, rows: np.ndarray) -> pd.DataFrame:
    data: dict[str, Any] = {"scheduled": pd.to_datetime(flights.times[rows], unit="s")}
    for at, column in enumerate(flights.measured[:-1]):
        values = flights.numbers[rows, at]
        data[column.name] = _words(values) if column.categorical else values
    return pd.DataFrame(data)


def _words(codes: np.ndarray) -> list[str | None]:
    return [None if np.isnan(code) else f"c{int(code)}" for code in codes]


def _judged(peer: str, python: str, folder: Path) -> dict[str, Any]:
    """What a peer says, in a process of its own. Raises RuntimeError with its own words where it fails."""
    script = ROOT / "tests" / "bench" / "peers" / f"{peer}_windows.py"
    environment = os.environ | {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    done = subprocess.run(
        [python, "-W", "ignore", str(script), str(folder)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{peer} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads((folder / f"{peer}.json").read_text()))
