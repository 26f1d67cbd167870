"""What one column may say about itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence

from pulse_blocks.protocol import patterns
from pulse_blocks.protocol.problems import Path, Problems, shown
from pulse_blocks.protocol.spec import FieldSpec

_LONGEST_PATTERN = 1000
_LEAST, _GREATEST = -(2**63), 2**63 - 1


def check(field: FieldSpec, path: Path, problems: Problems) -> None:
    """Ranges for numbers, lengths and patterns for strings, values for categories; none of them empty."""
    _range(field, path, problems)
    _values(field, path, problems)
    _text(field, path, problems)


def check_values(values: Sequence[str | int], path: Path, problems: Problems) -> None:
    """Values of a category or classes of a target: at least one, each once, all of one kind."""
    if not values:
        problems.add(path, "too_few", "At least one value is needed here.")
        return
    if len({type(value) for value in values}) > 1:
        problems.add(
            path,
            "mixed_values",
            "Texts and integers cannot be mixed.",
            "Write the numbers in quotes, or leave the texts out.",
        )
    seen: set[str | int] = set()
    for number, value in enumerate(values):
        if value in seen:
            problems.add((*path, number), "duplicate_value", f"{shown(value)} is here a second time.")
        seen.add(value)


def check_bounds(least: float | None, most: float | None, path: Path, problems: Problems) -> None:
    """A ``ge`` and a ``le`` that leave something between them."""
    if least is not None and most is not None and least > most:
        problems.add((*path, "ge"), "empty_range", f"ge: {least} is greater than le: {most}.")


def _range(field: FieldSpec, path: Path, problems: Problems) -> None:
    bounds = {"ge": field.ge, "gt": field.gt, "le": field.le, "lt": field.lt}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    if given and field.type not in ("float", "int"):
        for name in given:
            problems.add((*path, name), "not_for_type", f"A {field.type} has no range.")
        return
    if field.type == "int":
        for name, bound in given.items():
            if isinstance(bound, float):
                problems.add((*path, name), "wrong_type", f"The bound of an int is an integer, not {bound}.")
                return
    for inclusive, exclusive in (("ge", "gt"), ("le", "lt")):
        if inclusive in given and exclusive in given:
            problems.add(
                (*path, exclusive), "two_bounds", f"{inclusive} and {exclusive} are both here.", "Keep one."
            )
            return
    if not _leaves_something(field):
        words = ", ".join(f"{name}: {bound}" for name, bound in given.items())
        problems.add((*path, next(iter(given))), "empty_range", f"No value satisfies {words}.")


def _leaves_something(field: FieldSpec) -> bool:
    """Whether some number lies between the bounds; an integer is one of 64 bits."""
    strict = field.gt is not None or field.lt is not None
    low = field.ge if field.gt is None else field.gt
    high = field.le if field.lt is None else field.lt
    if field.type == "int":
        first = _LEAST if low is None else int(low) + (field.gt is not None)
        last = _GREATEST if high is None else int(high) - (field.lt is not None)
        return first <= last
    if low is None or high is None:
        return True
    return float(low) < float(high) if strict else float(low) <= float(high)


def _values(field: FieldSpec, path: Path, problems: Problems) -> None:
    here = (*path, "values")
    if field.type != "category":
        if field.values is not None:
            problems.add(here, "not_for_type", f"A {field.type} has no values.", "Use type: category.")
    elif field.values is None:
        problems.add(here, "missing_key", "A category needs its values.", "Add values: [...] here.")
    else:
        check_values(field.values, here, problems)


def _text(field: FieldSpec, path: Path, problems: Problems) -> None:
    rules = {"pattern": field.pattern, "min_length": field.min_length, "max_length": field.max_length}
    given = [name for name, rule in rules.items() if rule is not None]
    if field.type != "string":
        for name in given:
            problems.add((*path, name), "not_for_type", f"{name} is for a string, not for a {field.type}.")
        return
    if field.min_length is not None and field.max_length is not None and field.min_length > field.max_length:
        problems.add(
            (*path, "min_length"),
            "empty_range",
            f"min_length: {field.min_length} is greater than max_length: {field.max_length}.",
        )
    if field.pattern is not None and (reason := _pattern_fault(field.pattern)):
        problems.add((*path, "pattern"), "bad_pattern", f"The pattern cannot be used: {reason}.")


def _pattern_fault(pattern: str) -> str | None:
    """Why one of the two engines refuses it: Python's checks requests, Rust's (polars) whole columns."""
    if len(pattern) > _LONGEST_PATTERN:
        return f"it is longer than {_LONGEST_PATTERN} characters"
    if reason := patterns.fault(pattern):
        return reason
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(patterns.for_python(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)
    import polars as pl

    try:
        pl.Series([""]).str.contains(patterns.for_rust(pattern))
    except pl.exceptions.PolarsError as error:
        return _reason(str(error))
    return None


def _reason(message: str) -> str:
    """What Rust's engine says, without the picture of the place and polars' own expression."""
    told = message.partition("\n\n")[0].strip().splitlines()[-1]
    return told.removeprefix("regex error: ").removeprefix("error: ").rstrip(".")
