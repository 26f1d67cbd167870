"""Training: the split, metrics and gates fit the task, and parameters leave to Pulse what is Pulse's."""

from __future__ import annotations

import re

from pulse_blocks.protocol import lightgbm_params
from pulse_blocks.protocol.metrics import METRICS
from pulse_blocks.protocol.problems import Path, Problems, nearest, shown
from pulse_blocks.protocol.rules import fitting, split
from pulse_blocks.protocol.rules.schedule import check_schedule
from pulse_blocks.protocol.spec import Protocol

# LightGBM takes all parameters in one string: a space in a value would begin another parameter.
_WORD = re.compile(r"[^\s=#\x00-\x1f]+\Z")
_CONDITIONS = ("at_least", "at_most", "not_below_champion_by")


def check(protocol: Protocol, problems: Problems) -> None:
    """Split, metrics, gates, parameters and schedule."""
    training = protocol.training
    split.check(protocol, problems)
    fitting.check(protocol, problems)
    for number, metric in enumerate(training.metrics):
        path: Path = ("training", "metrics", number)
        check_metric(metric, protocol, path, problems)
        if metric in training.metrics[:number]:
            problems.add(path, "duplicate_value", f"{metric} is here a second time.")
    for number, gate in enumerate(training.gates):
        path = ("training", "gates", number)
        check_metric(gate.metric, protocol, (*path, "metric"), problems)
        given = [name for name in _CONDITIONS if getattr(gate, name) is not None]
        if len(given) != 1:
            found = f"here are {' and '.join(given)}" if given else "here is none"
            problems.add(path, "one_kind", f"A gate has one of {', '.join(_CONDITIONS)}; {found}.")
    _params(protocol, problems)
    check_schedule(training.schedule, ("training", "schedule"), problems)


def check_metric(name: str, protocol: Protocol, path: Path, problems: Problems) -> None:
    """A metric that is known for the protocol's task."""
    known = METRICS[protocol.task]
    if name not in known:
        hint = nearest(name, known) or f"There are {', '.join(known)}."
        problems.add(path, "unknown_metric", f"There is no metric {name!r} for {protocol.task}.", hint)


def _params(protocol: Protocol, problems: Problems) -> None:
    seen: dict[str, str] = {}
    for name, value in protocol.training.params.items():
        path: Path = ("training", "params", name)
        parameter = lightgbm_params.resolve(name)
        if parameter in lightgbm_params.OWNED:
            problems.add(
                path, "owned_parameter", f"{name} is Pulse's to set.", lightgbm_params.OWNED[parameter]
            )
        elif parameter is None:
            hint = nearest(name, lightgbm_params.TUNABLE) or "See LightGBM's list of parameters."
            problems.add(path, "unknown_parameter", f"LightGBM has no parameter {name!r}.", hint)
        elif parameter in seen:
            problems.add(path, "duplicate_value", f"{name} and {seen[parameter]} are the same parameter.")
        if isinstance(value, str) and not _WORD.match(value):
            problems.add(
                path,
                "bad_format",
                f"{shown(value)!r} is not one word.",
                "LightGBM reads its parameters as one line of words: no spaces, no '=' and no '#'.",
            )
        if parameter is not None:
            seen.setdefault(parameter, name)
