"""How much each row counts in training. Whatever judges a model counts every row the same."""

from __future__ import annotations

import numpy as np

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.labelling import Labelled


def weights_of(protocol: Protocol, found: Labelled, rows: np.ndarray) -> np.ndarray | None:
    """A weight for each of these rows, None where all count the same.

    ``balanced`` is scikit-learn's: rows / (classes * rows of the class), over the classes that are there. Raises
    PulseError("training.weights") where no row counts.
    """
    if protocol.training.weights == "balanced":
        codes = found.truth[rows].astype(np.int64)
        counts = np.bincount(codes)
        return np.asarray((rows.size / (np.count_nonzero(counts) * counts[codes])).astype(np.float64))
    if found.weights is None:
        return None
    weights = found.weights[rows]
    if not weights.any():
        raise PulseError(
            "training.weights",
            f"Every one of the {rows.size:,} training rows has the weight 0.",
            "Look at the column that training.weights names.",
        )
    return np.asarray(weights)
