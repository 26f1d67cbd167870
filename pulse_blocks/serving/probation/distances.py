"""How far two models' answers to the same requests are apart, in plain Python: the runtime has no NumPy."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence

_BINS = 10


def jensen_shannon(before: Sequence[float], now: Sequence[float], edges: Sequence[float]) -> float:
    """The Jensen-Shannon distance (base 2, 0 to 1) of two samples in the bins between ``edges``."""
    shares = [_shares(values, edges) for values in (before, now)]
    total = 0.0
    for one, other in zip(*shares, strict=True):
        middle = (one + other) / 2
        total += sum(share * math.log2(share / middle) for share in (one, other) if share) / 2
    return math.sqrt(max(total, 0.0))


def equal_bins(low: float, high: float) -> list[float]:
    """The inner edges of ten bins of the same width."""
    return [low + (high - low) * number / _BINS for number in range(1, _BINS)]


def tenths(values: Sequence[float]) -> list[float]:
    """The inner edges of ten bins that hold as many values each."""
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * number // _BINS] for number in range(1, _BINS)})


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return [count / len(values) for count in counts]


def roc_auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The area under the ROC curve: how often a positive has the higher score, a tie counting half.

    None where all labels are the same.
    """
    positives = sum(labels)
    if positives in (0, len(labels)):
        return None
    ordered = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, at = 0.0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and scores[ordered[end]] == scores[ordered[at]]:
            end += 1
        middle = (at + 1 + end) / 2
        ranks += middle * sum(labels[ordered[place]] for place in range(at, end))
        at = end
    return (ranks - positives * (positives + 1) / 2) / (positives * (len(labels) - positives))
