"""All parameters for LightGBM: those that Pulse sets, around those that the protocol gives."""

from __future__ import annotations

from typing import Any

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


def parameters(protocol: Protocol, threads: int | None = None) -> dict[str, Any]:
    """All parameters for ``lightgbm.train``; ``threads`` changes the time and never the trees."""
    given = protocol.training.params
    objective, metric = _OBJECTIVES[protocol.task]
    found: dict[str, Any] = {
        # Deterministic trees need one of the two layouts of the histogram, fixed.
        "force_row_wise": not given.get("force_col_wise", False),
        **given,
        "objective": objective,
        "metric": list(metric),
        "deterministic": True,
        "verbosity": -1,
        "num_threads": threads or available_threads(protocol),
        **dict.fromkeys(_SEEDS, protocol.training.seed),
    }
    if protocol.task == "multiclass-classification":
        found["num_class"] = len(protocol.target.values or ())
    return found
