"""What happens after every round: its metrics are kept, told and judged. One callback for all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import lightgbm as lgb

from pulse_blocks.progress import report as progress
from pulse_blocks.training.stopping import VALIDATION, Stopping

HELD_OUT = "held_out"
# Metric → its value after every round so far.
History = dict[str, list[float]]
# This process's wish to stop → whether all that train together do.
Agree = Callable[[bool], bool]
# Of the metrics that rounds are judged by, those of which more is better.
MAXIMIZED = frozenset({"auc", "average_precision"})


class Rounds:
    """LightGBM's callback for ``total`` rounds, of which ``done`` were grown before; ``history`` is added to.

    Whoever listens to progress (a terminal, an artifact, MLflow) hears of each round with its metrics. ``kept`` holds
    for each round how many are in the model after it: one that finds no split adds no tree. ``before`` are those of
    the stretches before this one.
    """

    def __init__(
        self,
        total: int,
        done: int,
        history: History,
        stopping: Stopping | None = None,
        agree: Agree | None = None,
        kept: Iterable[int] = (),
    ) -> None:
        # LightGBM looks for it in the object's own dict.
        self.order = 20
        self.done, self.history, self.stopped = done, history, False
        # States of before this was kept count one for each round.
        self.kept, self.before = list(kept) or list(range(1, done + 1)), 0
        self._total, self._stopping, self._agree = total, stopping, agree
        if stopping:
            # Rounds of before an interruption have had their say already.
            for number, value in enumerate(history.get(key(VALIDATION, stopping.metric), ()), start=1):
                stopping.after(number, value, maximize=stopping.metric in MAXIMIZED)

    def __call__(self, env: Any) -> None:
        self.done += 1
        self.kept.append(self.before + env.model.current_iteration())
        latest: dict[str, float] = {}
        stop = False
        for result in env.evaluation_result_list or ():
            name, value = key(result.dataset_name, result.metric_name), float(result.metric_value)
            latest[name] = value
            self.history.setdefault(name, []).append(value)
            if self._stopping and name == key(VALIDATION, self._stopping.metric):
                stop = self._stopping.after(self.done, value, maximize=result.maximize)
        progress("train", self.done, self._total, f"round {self.done} of {self._total}", latest)
        if self._agree:
            stop = self._agree(stop)
        if stop:
            self.stopped = True
            raise lgb.EarlyStopException(env.iteration, env.evaluation_result_list or [])


def key(dataset: str, metric: str) -> str:
    """How a metric is called in a history: that of held-out rows by itself."""
    return metric if dataset == HELD_OUT else f"{dataset}/{metric}"
