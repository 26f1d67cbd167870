"""The decision threshold that is best on rows which neither taught nor judge the model."""

from __future__ import annotations

import numpy as np


def best_f1(truth: np.ndarray, probability: np.ndarray) -> float:
    """The probability from which on deciding yes has the greatest f1; of several the greatest.

    It lies in the middle between two probabilities that occur, so that a hair's breadth decides no row.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_ = probability[order]
    hits = np.cumsum(truth[order] > 0)
    decided = np.arange(1, truth.size + 1)
    # A threshold can only be between two different probabilities.
    ends = np.flatnonzero(np.append(np.diff(sorted_) != 0, True))
    f1 = 2 * hits[ends] / (decided[ends] + hits[-1])
    best = int(ends[int(f1.argmax())])
    lower = sorted_[best + 1] if best + 1 < sorted_.size else sorted_[best]
    return float((sorted_[best] + lower) / 2)
