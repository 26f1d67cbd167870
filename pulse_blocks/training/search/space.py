"""What a search may choose from, as Optuna's distributions, and its sampler."""

from __future__ import annotations

from typing import Any

from pulse_blocks.protocol.lightgbm_params import INTEGERS, resolve
from pulse_blocks.protocol.spec import RangeSpec, SearchSpec

# Each batch draws with a seed of its own, so that a search that goes on draws what it would have drawn.
_STEP = 1_000_003


def distributions(search: SearchSpec) -> dict[str, Any]:
    """A distribution for each range, by the parameter's name as the protocol writes it."""
    return {name: _distribution(name, spec) for name, spec in search.ranges.items()}


def sampler(seed: int, number: int) -> Any:
    """A tree-structured Parzen estimator for the batch that begins with trial ``number``.

    Trials of the batch that are asked for already count as bad ones (constant liar), so that they differ.
    """
    import warnings

    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=(seed + number * _STEP) % 2**31, constant_liar=True)


def _distribution(name: str, spec: RangeSpec) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if spec.values is not None:
        return CategoricalDistribution(spec.values)
    low, high = spec.low, spec.high
    if low is None or high is None:
        raise AssertionError
    if resolve(name) in INTEGERS:
        return IntDistribution(int(low), int(high), log=spec.log)
    return FloatDistribution(float(low), float(high), log=spec.log)
