"""Windows of real flights and the verdicts on them; what retraining gains."""

# ruff: noqa: T201  a benchmark prints what it measured
from __future__ import annotations

import itertools

import numpy as np
from sklearn.metrics import roc_auc_score

from tests.bench.drift_flights import (
    CALM,
    MONTHS,
    WEEK,
    Flights,
    calm_distances,
    first_of,
    measure,
    retrained,
    verdict,
)
from tests.bench.ratios import against

# In these the weather has changed; the aim is that drift is found within two windows.
_DRIFTED = (6, 7, 8, 12)


def calm_weeks(flights: Flights) -> None:
    """January to March, each week left out of the calibration in turn."""
    calm = calm_distances(flights)
    found = [verdict(flights, np.delete(calm, at, 1), calm[:, at]) for at in range(len(CALM))]
    fixed = [float((calm[:-1, at] >= 0.1).mean()) for at in range(len(CALM))]
    drifted = [one.drifted for one in found]
    both = sum(a and b for a, b in itertools.pairwise(drifted))
    print(against("calm weeks called drifted, of twelve", sum(drifted), 1))
    print(against("of these two in a row, which would retrain", both, 0))
    print("weighed share:", " ".join(f"{one.share:.2f}" for one in found))
    print("share of features above a fixed 0.1:", " ".join(f"{share:.2f}" for share in fixed))


def months(flights: Flights) -> None:
    """The first four weeks of every month after."""
    calm = calm_distances(flights)
    print("| month | weighed share, four weeks | drifted | found in window |\n|--:|:--|:--|:--|")
    first: dict[int, int | None] = {}
    for month in MONTHS:
        found = [verdict(flights, calm, measure(flights, first_of(month) + n * WEEK)) for n in range(4)]
        shares = " ".join(f"{one.share:.2f}" for one in found)
        words = " ".join("yes" if one.drifted else "no" for one in found)
        first[month] = next((n + 1 for n, one in enumerate(found) if one.drifted), None)
        print(f"| {month} | {shares} | {words} | {first[month] or 'none of four'} |")
    late = max(first[month] or 5 for month in _DRIFTED)
    print("\n" + against("windows until June, July, August and December are found, the slowest", late, 2))


def retraining(flights: Flights) -> None:
    """ROC AUC on each month: of the first model, and of one that was trained on all months before."""
    print("| judged on | model of January to March | retrained on all before that month | gain |")
    print("|--:|--:|--:|--:|")
    old, gains = retrained(flights, first_of(4)), []
    for month in MONTHS:
        until = first_of(month + 1) if month < 12 else np.inf
        rows = (flights.times >= first_of(month)) & (flights.times < until)
        new = retrained(flights, first_of(month))
        before, after = (float(roc_auc_score(flights.late[rows], said[rows])) for said in (old, new))
        gains.append(after - before)
        print(f"| {month} | {before:.3f} | {after:.3f} | {after - before:+.3f} |", flush=True)
    # The model of April is the first one itself.
    later = gains[1:]
    print(f"\nretraining pays in {sum(gain > 0 for gain in later)} of {len(later)} months (May to December);")
    print(f"gains {min(later):+.3f} to {max(later):+.3f}, {sum(later) / len(later):+.3f} on average")
