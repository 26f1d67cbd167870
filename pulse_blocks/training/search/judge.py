"""What a trial is after every round: how good, and whether it is worth going on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import lightgbm as lgb

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.params import watched_metric
from pulse_blocks.training.rounds import MAXIMIZED
from pulse_blocks.training.search.trial import looks
from pulse_blocks.training.stopping import Stopping


class Judge:
    """LightGBM's callback for a trial: early stopping as in the fit, and pruning by ``bars``.

    ``value`` is the metric of the last round or, with early stopping, of the one that a fit would end with.
    """

    def __init__(self, protocol: Protocol, metric: str, bars: Sequence[tuple[int, float]]) -> None:
        # LightGBM looks for it in the object's own dict.
        self.order = 20
        self.done, self.pruned, self.finite = 0, False, True
        self.values: list[tuple[int, float]] = []
        stopping = protocol.training.early_stopping
        self._stopping = Stopping(watched_metric(protocol), stopping.rounds) if stopping else None
        self._metric, self._bars = metric, dict(bars)
        self._looks = frozenset(looks(protocol.training.rounds))
        self._seen: list[float] = []

    @property
    def value(self) -> float:
        """See the class; NaN before the first round."""
        if not self._seen:
            return math.nan
        best = self._stopping.best if self._stopping else 0
        return self._seen[best - 1] if best else self._seen[-1]

    def __call__(self, env: Any) -> None:
        self.done += 1
        found = {result.metric_name: float(result.metric_value) for result in env.evaluation_result_list}
        self._seen.append(found[self._metric])
        self.finite = all(map(math.isfinite, found.values()))
        stop = not self.finite
        if self._stopping and self.finite:
            name = self._stopping.metric
            stop = self._stopping.after(self.done, found[name], maximize=name in MAXIMIZED)
        if self.done in self._looks and self.finite:
            self.values.append((self.done, found[self._metric]))
            self.pruned = self._hopeless()
        if stop or self.pruned:
            raise lgb.EarlyStopException(env.iteration, env.evaluation_result_list)

    def _hopeless(self) -> bool:
        """Whether the best value so far is worse than the bar of this round."""
        bar = self._bars.get(self.done)
        if bar is None:
            return False
        return max(self._seen) < bar if self._metric in MAXIMIZED else min(self._seen) > bar
