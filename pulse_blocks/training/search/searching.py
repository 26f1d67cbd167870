"""The search itself: batches of trials, asked of Optuna one after the other and run side by side.

What a batch tries is decided by the protocol and by the trials before it alone, never by which of them was faster: so
the same seed gives the same parameters, and a search that was killed goes on as if it had not been.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from pulse_blocks import progress
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol, SearchSpec, seconds
from pulse_blocks.records import Searched
from pulse_blocks.training.search import space
from pulse_blocks.training.search.mapping import current
from pulse_blocks.training.search.results import Results
from pulse_blocks.training.search.trial import Trial, Tried, batch_size, looks, metric_of
from pulse_blocks.training.threads import available_threads

# Pruning begins when so many trials have been completed, and by the median of theirs (Optuna's MedianPruner).
_STARTUP = 5
# LightGBM's metrics of which more is better, by the protocol's names.
_MAXIMIZED = frozenset({"roc_auc", "average_precision"})


def search(
    protocol: Protocol,
    evaluate: Callable[[Trial], Tried],
    results: Results,
    on_trial: Callable[[Tried], None] | None = None,
) -> Searched:
    """The best of ``training.search.trials`` trials, or of those that began within its timeout.

    ``results`` are those of an interrupted search with the same key; each trial that is told is told to ``on_trial``
    too, in the order of their numbers. Raises PulseError("training.search") where no trial could be completed.
    """
    spec = protocol.training.search
    if spec is None:
        raise AssertionError
    ends = None if spec.timeout is None else time.monotonic() + seconds(spec.timeout)
    size = batch_size(protocol)
    told: list[Tried] = []
    while len(told) < spec.trials and (ends is None or not told or time.monotonic() < ends):
        batch = _asked(protocol, spec, told, min(size, spec.trials - len(told)))
        for tried in _evaluated(batch, evaluate, results):
            told.append(tried)
            if on_trial:
                on_trial(tried)
        progress.report("train", 0, None, f"trial {len(told)} of {spec.trials}")
    return _best(protocol, told)


def _asked(protocol: Protocol, spec: SearchSpec, told: Sequence[Tried], count: int) -> list[Trial]:
    """The next trials. Optuna's study is made anew from what has been told: nothing else is remembered."""
    study, ranges = _study(protocol, spec, told), space.distributions(spec)
    bars = _bars(protocol, told) if spec.prune else ()
    threads = max(available_threads(protocol) // batch_size(protocol), 1)
    return [
        Trial(
            number=len(told) + position,
            params=study.ask(ranges).params,
            threads=threads,
            bars=bars,
        )
        for position in range(count)
    ]


def _study(protocol: Protocol, spec: SearchSpec, told: Sequence[Tried]) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    states = optuna.trial.TrialState
    known = {"complete": states.COMPLETE, "pruned": states.PRUNED, "refused": states.FAIL}
    study = optuna.create_study(
        direction="maximize" if _maximizes(protocol) else "minimize",
        sampler=space.sampler(protocol.training.seed, len(told)),
    )
    ranges = space.distributions(spec)
    study.add_trials([
        optuna.trial.create_trial(
            state=known[tried.state],
            value=tried.value if tried.state != "refused" else None,
            params=tried.params,
            distributions=ranges,
            intermediate_values=dict(tried.values),
        )
        for tried in told
    ])  # fmt: skip
    return study


def _evaluated(batch: Sequence[Trial], evaluate: Callable[[Trial], Tried], results: Results) -> list[Tried]:
    """The results of a batch: those that are kept already, and the others as they are tried now."""

    def work(trial: Trial) -> Tried:
        tried = evaluate(trial)
        results.keep(tried)
        return tried

    known = {trial.number: results.of(trial) for trial in batch}
    missing = [trial for trial in batch if known[trial.number] is None]
    found = {tried.number: tried for tried in current()(work, missing)} if missing else {}
    return [known[trial.number] or found[trial.number] for trial in batch]


def _bars(protocol: Protocol, told: Sequence[Tried]) -> tuple[tuple[int, float], ...]:
    """For each look the median of completed trials, from which on a trial is as good as most."""
    curves = [dict(tried.values) for tried in told if tried.state == "complete"]
    if len(curves) < _STARTUP:
        return ()
    reached = {look: [c[look] for c in curves if look in c] for look in looks(protocol.training.rounds)}
    return tuple((look, statistics.median(values)) for look, values in reached.items() if values)


def _best(protocol: Protocol, told: Sequence[Tried]) -> Searched:
    """The best of those that were completed; of equal ones the first."""
    complete = [tried for tried in told if tried.state == "complete"]
    name, _ = metric_of(protocol)
    if not complete:
        why = next((tried.refused for tried in told if tried.refused), "all were given up")
        raise PulseError(
            "training.search",
            f"None of {len(told)} trials could be completed: {why}.",
            "Look at training.search.ranges in the protocol.",
        )
    sign = -1 if _maximizes(protocol) else 1
    best = min(complete, key=lambda tried: (sign * tried.value, tried.number))
    return Searched(
        metric=name,
        trials=len(told),
        pruned=sum(tried.state == "pruned" for tried in told),
        best=best.number,
        value=1 - best.value if name == "accuracy" else best.value,
        params=best.params,
    )


def _maximizes(protocol: Protocol) -> bool:
    """Whether more is better in LightGBM's own terms: for accuracy it counts errors."""
    return metric_of(protocol)[0] in _MAXIMIZED
