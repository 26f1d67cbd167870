"""Drift on real flights: calm weeks, the months after, peers on the same windows, a control with known answers.

NannyML runs in an environment of its own, made at the first use; ``BENCH_PEERS=none`` leaves it out.
"""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from tests.bench import drift_synthetic, peer_environments
from tests.bench.drift_flights import (
    MONTHS,
    ROOT,
    WEEK,
    Flights,
    first_of,
    measure,
    prepare,
    retrained,
    verdict,
    week,
)

_CALM = [first_of(1) + number * WEEK for number in range(12)]
_SHIFTS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
_COST = """
import resource, time
import numpy as np, pandas as pd
from evidently import DataDefinition
from pulse_blocks.drift.evidently_report import Asked, report
draw = np.random.default_rng(0)
names = [f"number_{at}" for at in range(22)], [f"category_{at}" for at in range(8)]
def side(shift):
    data = {name: draw.normal(shift, 1, 10_000) for name in names[0]}
    return pd.DataFrame(data | {name: draw.choice(list("abcdefghij"), 10_000) for name in names[1]})
asked = {name: Asked("wasserstein", 0.1) for name in names[0]}
asked |= {name: Asked("jensenshannon", 0.1) for name in names[1]}
definition = DataDefinition(numerical_columns=names[0], categorical_columns=names[1])
began, cpu = time.monotonic(), time.process_time()
found = report(definition, side(0.2), side(0.0), asked)
spent = time.monotonic() - began, time.process_time() - cpu
print(*spent, len(found.html), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """All tables."""
    with tempfile.TemporaryDirectory() as temporary:
        flights = prepare(Path(temporary))
        calm = np.array([measure(flights, start) for start in _CALM]).T
        _calm_weeks(flights, calm)
        later = {(month, n): first_of(month) + n * WEEK for month in MONTHS for n in range(4)}
        measured = {key: measure(flights, start) for key, start in later.items()}
        _months(flights, calm, measured)
        windows = {f"calm {at + 1}": start for at, start in enumerate(_CALM)}
        windows |= {f"{month:02d} week {n + 1}": start for (month, n), start in later.items() if n < 2}
        _peers(flights, windows, Path(temporary))
        _retraining(flights)
    _synthetic()
    _cost()


def _calm_weeks(flights: Flights, calm: np.ndarray) -> None:
    found = [verdict(flights, np.delete(calm, at, 1), calm[:, at]) for at in range(calm.shape[1])]
    fixed = [float((calm[:-1, at] >= 0.1).mean()) for at in range(calm.shape[1])]
    drifted = [one.drifted for one in found]
    rows = sum(a and b for a, b in itertools.pairwise(drifted))
    print(f"\ncalm weeks, each left out in turn: {sum(drifted)} of 12 drifted, {rows} times two in a row")
    print("weighed share:", " ".join(f"{one.share:.2f}" for one in found))
    print("share of features above a fixed 0.1:", " ".join(f"{share:.2f}" for share in fixed))


def _months(flights: Flights, calm: np.ndarray, measured: dict[tuple[int, int], np.ndarray]) -> None:
    print(
        "\n| month | weighed share, four weeks | drifted | two in a row within two weeks |\n|--:|:--|:--|:--|"
    )
    for month in MONTHS:
        found = [verdict(flights, calm, measured[month, n]) for n in range(4)]
        shares = " ".join(f"{one.share:.2f}" for one in found)
        words = " ".join("yes" if one.drifted else "no" for one in found)
        both = "yes" if found[0].drifted and found[1].drifted else "no"
        print(f"| {month} | {shares} | {words} | {both} |")


def _peers(flights: Flights, windows: dict[str, float], folder: Path) -> None:
    frames = {name: _frame(flights, week(flights, start)) for name, start in windows.items()}
    reference = _frame(flights, flights.times < first_of(4))
    evidently = _evidently(flights, reference, frames)
    nanny = _nannyml(flights, reference, frames, folder)
    calm = np.array([measure(flights, start) for start in _CALM]).T
    print(
        "\n| window | Pulse: weighed share, drifted | Evidently's defaults | NannyML: features with an alert |"
    )
    print("|:--|:--|:--|:--|")
    for name, start in windows.items():
        known = np.delete(calm, _CALM.index(int(start)), 1) if start in _CALM else calm
        ours = verdict(flights, known, measure(flights, start))
        theirs = f"{nanny['alerts'][name]:.2f}" if nanny else "not measured"
        share, said = evidently[0][name]
        print(f"| {name} | {ours.share:.2f} {_word(ours.drifted)} | {share:.2f} {_word(said)} | {theirs} |")
    print(f"\nEvidently's defaults: {evidently[1]:.1f} s a window, preset without page")
    if nanny:
        said = f"fit {nanny['fit']:.1f} s, {nanny['seconds']:.2f} s a window, {nanny['mb']:.0f} MB"
        print(f"NannyML {nanny['version']}: {said}")


def _word(drifted: bool) -> str:
    return "yes" if drifted else "no"


def _frame(flights: Flights, rows: np.ndarray) -> pd.DataFrame:
    data: dict[str, Any] = {"scheduled": pd.to_datetime(flights.times[rows], unit="s")}
    for at, column in enumerate(flights.measured[:-1]):
        values = flights.numbers[rows, at]
        data[column.name] = _words(values) if column.categorical else values
    return pd.DataFrame(data)


def _words(codes: np.ndarray) -> list[str | None]:
    return [None if np.isnan(code) else f"c{int(code)}" for code in codes]


def _evidently(
    flights: Flights, reference: pd.DataFrame, frames: dict[str, pd.DataFrame]
) -> tuple[dict[str, tuple[float, bool]], float]:
    """The share of drifted columns by its own choice of tests, and whether it calls the data drifted (half of them)."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import DriftedColumnsCount

    kinds = {kind: [c.name for c in flights.measured[:-1] if c.categorical is kind] for kind in (True, False)}
    definition = DataDefinition(numerical_columns=kinds[False], categorical_columns=kinds[True])
    sample = Dataset.from_pandas(reference.sample(10_000, random_state=1), data_definition=definition)
    found, began = {}, time.monotonic()
    for name, data in frames.items():
        current = Dataset.from_pandas(data, data_definition=definition)
        (entry,) = Report([DriftedColumnsCount()]).run(current, sample).dict()["metrics"]
        found[name] = float(entry["value"]["share"]), float(entry["value"]["share"]) >= 0.5
    return found, (time.monotonic() - began) / len(frames)


def _nannyml(
    flights: Flights, reference: pd.DataFrame, frames: dict[str, pd.DataFrame], folder: Path
) -> dict[str, Any] | None:
    if os.environ.get("BENCH_PEERS") == "none":
        return None
    reference.to_parquet(folder / "reference.parquet")
    for name, data in frames.items():
        data.to_parquet(folder / f"{name}.parquet")
    categorical = [column.name for column in flights.measured[:-1] if column.categorical]
    asked = {"categorical": categorical, "windows": list(frames)}
    (folder / "windows.json").write_text(json.dumps(asked))
    script = ROOT / "tests" / "bench" / "peers" / "nannyml_windows.py"
    environment = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
    command = [str(peer_environments.python("nannyml")), "-W", "ignore", str(script), str(folder)]
    subprocess.run(command, check=True, env=environment)
    return dict(json.loads((folder / "nannyml.json").read_text()))


def _retraining(flights: Flights) -> None:
    print(
        "\n| judged on | model of January to March | retrained on all before that month | gain |\n|--:|--:|--:|--:|"
    )
    old = retrained(flights, first_of(4))
    for month in MONTHS:
        until = first_of(month + 1) if month < 12 else np.inf
        rows = (flights.times >= first_of(month)) & (flights.times < until)
        new = retrained(flights, first_of(month))
        before, after = (roc_auc_score(flights.late[rows], said[rows]) for said in (old, new))
        print(f"| {month} | {before:.3f} | {after:.3f} | {after - before:+.3f} |")


def _synthetic() -> None:
    found = drift_synthetic.false_alarms(1_000)
    print("\nwindows of independent rows without drift, called drifted:")
    print(", ".join(f"{wrong} of {count} with {size:,} rows" for size, (wrong, count) in found.items()))
    print(f"in all {sum(w for w, _ in found.values())} of {sum(c for _, c in found.values())}")
    print("\nfound, of windows in which five of twenty features are off by so many standard deviations:\n")
    print("| rows | " + " | ".join(f"{shift:g}" for shift in _SHIFTS) + " |\n|--:|" + "--:|" * len(_SHIFTS))
    for size, shares in drift_synthetic.power(_SHIFTS).items():
        print(f"| {size:,} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")


def _cost() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _COST], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds, cpu, size, peak = map(float, done.stdout.split())
    print(
        f"\na check of 10,000 x 30 with its page of {size / 1e6:.1f} MB, Evidently's import included:"
        f" {seconds:.1f} s ({cpu:.1f} s of processor), {peak:.0f} MB"
    )
