"""The families that ``/metrics`` shows, from what it says where there is one of everything."""

from __future__ import annotations

import re
from typing import NamedTuple

from pulse_blocks.drift.result import ColumnFinding
from pulse_blocks.serving.metrics import Metrics, Now
from pulse_blocks.serving.probation.verdict import Facts
from pulse_blocks.serving.tripwire.finding import LiveDrift

_NAME = "NAME"


class Family(NamedTuple):
    """A metric's name, its kind (counter, gauge, histogram), its help and its labels."""

    name: str
    kind: str
    about: str
    labels: list[str]


def families() -> list[Family]:
    """All of them, in the order in which they are shown."""
    found: list[Family] = []
    for line in _one_of_everything().splitlines():
        words = line.split(" ", 3)
        if words[:2] == ["#", "HELP"]:
            found.append(Family(words[2], "", words[3], []))
        elif words[:2] == ["#", "TYPE"]:
            found[-1] = found[-1]._replace(kind=words[3])
        else:
            known = found[-1].labels
            known += [label for label in re.findall(r'(\w+)="', line) if label not in known]
    return found


def _one_of_everything() -> str:
    metrics = Metrics()
    metrics.observe(_NAME, 200, 0.001)
    for counter in (
        metrics.predictions, metrics.swaps, metrics.swap_failures, metrics.model_failures, metrics.fallbacks,
    ):  # fmt: skip
        counter[_NAME] += 1
    metrics.thread_failures["champions"] += 1
    now = Now(
        waiting={_NAME: 0},
        serving={_NAME: _NAME},
        fallbacks={_NAME: _NAME},
        circuits={("model", _NAME): ("closed", 0)},
        retry_after=0.0,
        probations={_NAME: Facts(slowdown=1.0, distance=0.0, drop=0.0)},
        drifts={_NAME: _drift()},
    )
    return metrics.render(now)


def _drift() -> LiveDrift:
    column = ColumnFinding(
        method="wasserstein", score=0.0, threshold=0.1, typical=0.0, missing=0.0, missing_reference=0.0,
        missing_threshold=0.1, weight=1.0, drifted=False,
    )  # fmt: skip
    return LiveDrift(
        model=_NAME, end=0, period=0, rows=0, share=0.0, features={_NAME: column}, prediction=column, drifted=False
    )  # fmt: skip
