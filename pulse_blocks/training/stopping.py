"""Early stopping on the validation part alone.

LightGBM's own callback looks at every evaluated set, and would stop on the held-out rows too: then they would have
a say in the model that they judge.
"""

from __future__ import annotations

import math

from pulse_blocks.errors import PulseError

VALIDATION = "validation"


class Stopping:
    """Says when ``metric`` (LightGBM's name) has not improved for ``rounds``.

    ``best`` is the best round so far, from 1; 0 before the first.
    """

    def __init__(self, metric: str, rounds: int) -> None:
        self.metric = metric
        self.best = 0
        self._rounds = rounds
        self._value = -math.inf

    def after(self, number: int, value: float, *, maximize: bool) -> bool:
        """Whether to stop after round ``number`` (from 1) with this value on the validation rows.

        Raises PulseError("training.stopping") where the value is no number.
        """
        if not math.isfinite(value):
            raise PulseError(
                "training.stopping",
                f"{self.metric} is {value} on the validation rows after round {number}.",
                "Set aside more rows (training.split.validation), or judge the rounds by another metric.",
            )
        signed = value if maximize else -value
        if signed > self._value:
            self._value, self.best = signed, number
        return number - self.best >= self._rounds
