"""All parameters for LightGBM: those that Pulse sets, around those that the protocol gives."""

from __future__ import annotations

from typing import Any

from pulse_blocks.protocol.metrics import WATCHED
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.training.threads import available_threads

_OBJECTIVES = {
    "binary-classification": ("binary", ("binary_logloss", "auc")),
    "multiclass-classification": ("multiclass", ("multi_logloss", "multi_error")),
    "regression": ("regression", ("rmse", "l1")),
}
_SEEDS = (
    "seed",
    # With ``seed`` alone a sequence is sampled otherwise than a matrix, and the trees differ.
    "data_random_seed",
    "feature_fraction_seed",
    "bagging_seed",
    "drop_seed",
    "extra_seed",
    "objective_seed",
)


_DIRECTIONS: dict[str | None, int] = {"increasing": 1, "decreasing": -1}


def watched_metric(protocol: Protocol) -> str:
    """What rounds are judged by on the validation part, by LightGBM's name."""
    known = WATCHED[protocol.task]
    stopping = protocol.training.early_stopping
    asked = stopping.metric if stopping else None
    return known[asked] if asked else next(iter(known.values()))


def parameters(protocol: Protocol, threads: int | None = None, workers: int = 1) -> dict[str, Any]:
    """All parameters for ``lightgbm.train``; ``threads`` changes the time and never the trees, ``workers`` do."""
    given = protocol.training.params
    columns = bool(given.get("force_col_wise", not given.get("force_row_wise", True)))
    objective, metric = _OBJECTIVES[protocol.task]
    found: dict[str, Any] = {
        **given,
        # Deterministic trees need one of the two layouts of the histogram, fixed: without, a stopwatch decides.
        **({"force_col_wise": True} if columns else {}),
        "force_row_wise": not columns,
        "objective": objective,
        "metric": list(metric),
        "deterministic": True,
        "verbosity": -1,
        "num_threads": threads or available_threads(protocol),
        **dict.fromkeys(_SEEDS, protocol.training.seed),
    }
    if monotone := protocol.training.monotone:
        found["monotone_constraints"] = [_DIRECTIONS.get(monotone.get(name), 0) for name in protocol.features]
    if protocol.training.early_stopping is not None and watched_metric(protocol) not in metric:
        found["metric"].append(watched_metric(protocol))
    if workers > 1:
        found |= {"tree_learner": "data", "num_machines": workers, "pre_partition": True}
    if protocol.task == "multiclass-classification":
        found["num_class"] = len(protocol.target.values or ())
    return found
