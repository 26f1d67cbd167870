"""Training: the split, metrics and gates fit the task, and parameters leave to Pulse what is Pulse's."""

from __future__ import annotations

from pulse_blocks.protocol.metrics import METRICS
from pulse_blocks.protocol.problems import Path, Problems, nearest
from pulse_blocks.protocol.rules import fitting, parameters, split
from pulse_blocks.protocol.rules.schedule import check_schedule
from pulse_blocks.protocol.spec import Protocol

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
    parameters.check(protocol, problems)
    check_schedule(training.schedule, ("training", "schedule"), problems)


def check_metric(name: str, protocol: Protocol, path: Path, problems: Problems) -> None:
    """A metric that is known for the protocol's task."""
    known = METRICS[protocol.task]
    if name not in known:
        hint = nearest(name, known) or f"There are {', '.join(known)}."
        problems.add(path, "unknown_metric", f"There is no metric {name!r} for {protocol.task}.", hint)
