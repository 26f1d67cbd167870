"""A search: ranges of parameters that exist, are whole, and are not fixed at the same time."""

from __future__ import annotations

from pulse_blocks.protocol import lightgbm_params
from pulse_blocks.protocol.metrics import WATCHED
from pulse_blocks.protocol.problems import Path, Problems, nearest
from pulse_blocks.protocol.rules import parameters
from pulse_blocks.protocol.spec import Protocol, RangeSpec

_PATH: Path = ("training", "search")


def check(protocol: Protocol, problems: Problems) -> None:
    """Ranges and metric of ``training.search``."""
    search = protocol.training.search
    if search is None:
        return
    known = WATCHED[protocol.task]
    if search.metric is not None and search.metric not in known:
        hint = nearest(search.metric, known) or f"There are {', '.join(known)}."
        message = f"Trials of a {protocol.task} are not judged by {search.metric!r}."
        problems.add((*_PATH, "metric"), "unknown_metric", message, hint)
    fixed = {lightgbm_params.resolve(name): name for name in protocol.training.params}
    seen: dict[str, str] = {}
    for name, spec in search.ranges.items():
        path = (*_PATH, "ranges", name)
        parameter = lightgbm_params.resolve(name)
        if parameter is None:
            hint = nearest(name, lightgbm_params.TUNABLE) or "See LightGBM's list of parameters."
            problems.add(path, "unknown_parameter", f"LightGBM has no parameter {name!r}.", hint)
            continue
        if parameter in lightgbm_params.OWNED:
            hint = lightgbm_params.OWNED[parameter]
            problems.add(path, "owned_parameter", f"{name} is Pulse's to set: it cannot be searched.", hint)
        elif parameter in fixed:
            message = f"{name} is fixed in training.params and searched here."
            problems.add(path, "duplicate_value", message, "Remove one of the two.")
        elif parameter in seen:
            problems.add(path, "duplicate_value", f"{name} and {seen[parameter]} are the same parameter.")
        else:
            _range(parameter, spec, path, problems)
        seen.setdefault(parameter, name)


def _range(parameter: str, spec: RangeSpec, path: Path, problems: Problems) -> None:
    bounds = (spec.low, spec.high)
    if spec.values is not None:
        if bounds != (None, None) or spec.log:
            problems.add(path, "one_kind", "A range has values, or low and high; here are both.")
        elif len(set(map(repr, spec.values))) < max(len(spec.values), 1) or not spec.values:
            problems.add(
                path, "duplicate_value", "Values to choose from are different ones, and at least one."
            )
        for value in spec.values:
            parameters.check_value(value, path, problems)
        return
    if spec.low is None or spec.high is None:
        problems.add(path, "one_kind", "A range has values, or both low and high.", "Add what is missing.")
    elif parameter in lightgbm_params.CHOICES:
        hint = "Write values: [a, b]."
        problems.add(path, "one_kind", f"{parameter} is chosen from values, not from a range.", hint)
    elif spec.low >= spec.high:
        problems.add(path, "empty_range", f"low ({spec.low}) is not below high ({spec.high}).")
    elif spec.log and spec.low <= 0:
        problems.add(path, "empty_range", "On a log scale low is above 0.")
    elif parameter in lightgbm_params.INTEGERS and not all(float(bound).is_integer() for bound in bounds):  # type: ignore[arg-type]  # neither is None here
        problems.add(path, "not_for_type", f"{parameter} takes whole numbers: so do low and high.")
