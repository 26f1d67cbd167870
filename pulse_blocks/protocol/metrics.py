"""The metrics of each task by name: what a protocol may ask for, and what is computed."""

from __future__ import annotations

from pulse_blocks.protocol.spec import Protocol, Task

METRICS: dict[Task, tuple[str, ...]] = {
    "binary-classification": (
        "accuracy",
        "f1_score",
        "roc_auc",
        "precision",
        "recall",
        "log_loss",
        "average_precision",
        "brier_score",
    ),
    "multiclass-classification": ("accuracy", "f1_macro", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
}
# What a round can be judged by on validation rows, and what LightGBM calls it; the first is the default.
WATCHED: dict[Task, dict[str, str]] = {
    "binary-classification": {
        "log_loss": "binary_logloss",
        "roc_auc": "auc",
        "average_precision": "average_precision",
    },
    "multiclass-classification": {"log_loss": "multi_logloss", "accuracy": "multi_error"},
    "regression": {"rmse": "rmse", "mae": "l1"},
}
# An error: a smaller value is a better model.
LESS_IS_BETTER = frozenset({"log_loss", "brier_score", "rmse", "mae"})


def computed(protocol: Protocol) -> tuple[str, ...]:
    """What is computed on the held-out part.

    The metrics that the protocol lists (all of its task where it lists none), then those that gates and
    monitoring ask for: they need not be listed.
    """
    names = list(protocol.training.metrics or METRICS[protocol.task])
    names += [gate.metric for gate in protocol.training.gates]
    if protocol.monitoring.performance is not None:
        names.append(protocol.monitoring.performance.metric)
    return tuple(dict.fromkeys(names))
