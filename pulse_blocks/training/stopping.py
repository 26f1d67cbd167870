"""Early stopping on the validation part alone.

LightGBM's own callback looks at every evaluated set, and would stop on the held-out rows too: then they would have
a say in the model that they judge.
"""

from __future__ import annotations

import math
from typing import Any

import lightgbm as lgb

from pulse_blocks.errors import PulseError

VALIDATION = "validation"


class Stopping:
    """Ends the training when ``metric`` (LightGBM's name) has not improved for ``rounds``; the best round is kept."""

    def __init__(self, metric: str, rounds: int) -> None:
        # After the values of the round have been recorded. LightGBM looks for it in the object's own dict.
        self.order = 30
        self._metric, self._rounds = metric, rounds
        self._best, self._round = -math.inf, 0
        self._results: list[Any] = []

    def __call__(self, env: Any) -> None:
        for result in env.evaluation_result_list:
            if (result.dataset_name, result.metric_name) == (VALIDATION, self._metric):
                self._judge(env, result.metric_value if result.maximize else -result.metric_value)

    def _judge(self, env: Any, value: float) -> None:
        if not math.isfinite(value):
            raise PulseError(
                "training.stopping",
                f"{self._metric} is {value} on the validation rows after round {env.iteration + 1}.",
                "Set aside more rows (training.split.validation), or judge the rounds by another metric.",
            )
        if value > self._best:
            self._best, self._round, self._results = value, env.iteration, env.evaluation_result_list
        last = env.iteration == env.end_iteration - 1
        if last or env.iteration - self._round >= self._rounds:
            raise lgb.EarlyStopException(self._round, self._results)
