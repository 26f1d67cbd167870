"""What decides a fit beside parameters: early stopping, weights, monotone features, calibration, checkpoints."""

from __future__ import annotations

from pulse_blocks.protocol.metrics import WATCHED
from pulse_blocks.protocol.problems import Path, Problems, nearest, shown
from pulse_blocks.protocol.rules import parameters, search
from pulse_blocks.protocol.spec import Protocol, WeightsSpec

# Ways of boosting in which trees change, or weigh less, with those that come later.
_WHOLE = ("dart", "rf", "random_forest")


def check(protocol: Protocol, problems: Problems) -> None:
    """All of ``training`` that is neither the split nor a parameter of LightGBM."""
    _early_stopping(protocol, problems)
    _weights(protocol, problems)
    _monotone(protocol, problems)
    _calibration(protocol, problems)
    _checkpoint(protocol, problems)
    search.check(protocol, problems)
    if problems.has(("training", "split", "validation")) and not uses_validation(protocol):
        problems.add(
            ("training", "split", "validation"),
            "not_for_split",
            "Nothing is decided on a validation part here.",
            "Add training.early_stopping, calibration or search, or output.decision.threshold: auto; or remove it.",
        )


def uses_validation(protocol: Protocol) -> bool:
    """Whether a part of the training rows is set aside to decide something on."""
    training = protocol.training
    asked = (training.early_stopping, training.calibration, training.search)
    return any(one is not None for one in asked) or protocol.output.decision.threshold == "auto"


def _early_stopping(protocol: Protocol, problems: Problems) -> None:
    spec = protocol.training.early_stopping
    if spec is None:
        return
    path: Path = ("training", "early_stopping")
    known = WATCHED[protocol.task]
    if spec.metric is not None and spec.metric not in known:
        hint = nearest(spec.metric, known) or f"There are {', '.join(known)}."
        message = f"Rounds of a {protocol.task} are not judged by {spec.metric!r}."
        problems.add((*path, "metric"), "unknown_metric", message, hint)
    if "dart" in parameters.possible(protocol, "boosting"):
        problems.add(path, "not_for_params", "Dart changes earlier trees: no round of it can be returned to.")


def _calibration(protocol: Protocol, problems: Problems) -> None:
    if protocol.training.calibration is not None and protocol.task == "regression":
        message = "A regression gives values, and there is no probability to calibrate."
        problems.add(("training", "calibration"), "not_for_task", message, "Remove it.")


def _checkpoint(protocol: Protocol, problems: Problems) -> None:
    if protocol.training.checkpoint is None:
        return
    whole = [one for one in parameters.possible(protocol, "boosting") if one in _WHOLE]
    if whole:
        message = f"With boosting: {whole[0]} a tree depends on all others, and no fit can go on from a part of them."
        problems.add(("training", "checkpoint"), "not_for_params", message, "Remove one of the two.")


def _weights(protocol: Protocol, problems: Problems) -> None:
    weights = protocol.training.weights
    path: Path = ("training", "weights")
    if weights == "balanced":
        if protocol.task == "regression":
            problems.add(path, "not_for_task", "A regression has no classes to balance.", "Name a column.")
        return
    if not isinstance(weights, WeightsSpec):
        return
    field = protocol.columns.get(weights.column)
    path = (*path, "column")
    if field is None:
        hint = nearest(weights.column, protocol.columns) or "Declare it below columns."
        problems.add(path, "unknown_column", f"{shown(weights.column)!r} is not one of the columns.", hint)
    elif field.type not in ("float", "int"):
        problems.add(path, "not_for_type", f"A weight is a number, not a {field.type}.")
    elif field.nullable or (field.ge is None and field.gt is None) or _least(field.ge, field.gt) < 0:
        message = "A weight is never null and never negative, and the column allows it."
        problems.add(path, "not_for_type", message, "Declare it with ge: 0 (or gt: 0) and without nullable.")


def _least(ge: float | None, gt: float | None) -> float:
    return max(bound for bound in (ge, gt) if bound is not None)


def _monotone(protocol: Protocol, problems: Problems) -> None:
    monotone = protocol.training.monotone
    if monotone and protocol.task == "multiclass-classification":
        message = "The probability of one of several classes has no direction of its own."
        problems.add(("training", "monotone"), "not_for_task", message)
    for name in monotone:
        path: Path = ("training", "monotone", name)
        field = protocol.features.get(name)
        if field is None:
            hint = nearest(name, protocol.features) or "Only features can be monotone."
            problems.add(path, "unknown_column", f"There is no feature {shown(name)!r}.", hint)
        elif field.type == "category":
            problems.add(path, "not_for_type", "The values of a category have no order.")
