"""The target fits the task, does not leak into the features, and the output fits both."""

from __future__ import annotations

from pulse_blocks.protocol.problems import Path, Problems
from pulse_blocks.protocol.rules import fields
from pulse_blocks.protocol.spec import BoundsSpec, Protocol

_TYPES = {
    "binary-classification": ("bool", "int", "category"),
    "multiclass-classification": ("category", "int"),
    "regression": ("float", "int"),
}


def check(protocol: Protocol, problems: Problems) -> None:
    """The target's name, type and values, then the output."""
    _name(protocol, problems)
    types = _TYPES[protocol.task]
    if protocol.target.type in types:
        _classes(protocol, problems)
    else:
        problems.add(
            ("target", "type"),
            "not_for_task",
            f"The target of a {protocol.task} is not a {protocol.target.type}.",
            f"It is {' or '.join(types)}.",
        )
    _output(protocol, problems)


def _name(protocol: Protocol, problems: Problems) -> None:
    name = protocol.target.name
    path: Path = ("target", "name")
    if name in protocol.features:
        problems.add(
            ("features", name),
            "leak",
            f"{name!r} is the target: as a feature it gives the answer away.",
            "Remove it from the features.",
        )
    elif name in protocol.columns:
        problems.add(
            ("columns", name), "duplicate_column", f"{name!r} is the target already.", "Declare it once."
        )
    elif name == protocol.source.time:
        problems.add(path, "duplicate_column", f"{name!r} is the event time.")
    elif name in protocol.source.key:
        problems.add(path, "duplicate_column", f"{name!r} is part of the key.")


def _classes(protocol: Protocol, problems: Problems) -> None:
    target, path = protocol.target, ("target", "values")
    if target.values is None:
        if target.type == "category" or protocol.task == "multiclass-classification":
            problems.add(path, "missing_key", "The target's classes are missing.", "Add values: [...] here.")
        return
    if target.type == "bool" or protocol.task == "regression":
        problems.add(path, "not_for_type", f"The target of this task, a {target.type}, has no values.")
        return
    fields.check_values(target.values, path, problems)
    if target.type == "int" and any(isinstance(value, str) for value in target.values):
        problems.add(path, "wrong_type", "The classes of an int are integers.")
    elif protocol.task == "binary-classification" and target.type == "int":
        if target.values != (0, 1):
            problems.add(
                path, "not_for_task", "A binary int is 0 or 1.", "Write [0, 1], or leave values out."
            )
    elif protocol.task == "binary-classification" and len(target.values) != 2:
        problems.add(path, "not_for_task", f"Two classes are needed, here are {len(target.values)}.")
    elif len(target.values) == 1:
        problems.add(path, "too_few", "At least two classes are needed.")


def _output(protocol: Protocol, problems: Problems) -> None:
    output, regression = protocol.output, protocol.task == "regression"
    if output.probability is not None:
        path: Path = ("output", "probability")
        if regression:
            problems.add(path, "not_for_task", "A regression gives no probability.", "Use output.value.")
        else:
            fields.check_bounds(output.probability.ge, output.probability.le, path, problems)
            _within_one(output.probability, path, problems)
    if output.value is not None:
        path = ("output", "value")
        if regression:
            fields.check_bounds(output.value.ge, output.value.le, path, problems)
        else:
            problems.add(path, "not_for_task", "A classification gives no value.", "Use output.probability.")
    if problems.has(("output", "decision")) and protocol.task != "binary-classification":
        problems.add(
            ("output", "decision"), "not_for_task", f"A {protocol.task} makes no decision by a threshold."
        )


def _within_one(bounds: BoundsSpec, path: Path, problems: Problems) -> None:
    for name, bound in (("ge", bounds.ge), ("le", bounds.le)):
        if bound is not None and not 0 <= bound <= 1:
            problems.add((*path, name), "out_of_range", f"A probability is from 0 to 1; {bound} is not.")
