"""LightGBM's parameters: they exist, are not Pulse's own, are there once, and each value is one word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pulse_blocks.protocol import lightgbm_params
from pulse_blocks.protocol.problems import Path, Problems, nearest, shown
from pulse_blocks.protocol.spec import Protocol

# LightGBM takes all parameters in one string: a space in a value would begin another parameter.
_WORD = re.compile(r"[^\s=#\x00-\x1f]+\Z")


def check(protocol: Protocol, problems: Problems) -> None:
    """``training.params``."""
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
        check_value(value, path, problems)
        if parameter is not None:
            seen.setdefault(parameter, name)


def check_value(value: object, path: Path, problems: Problems) -> None:
    """A value that is text is one word, wherever it may come from."""
    if isinstance(value, str) and not _WORD.match(value):
        problems.add(
            path,
            "bad_format",
            f"{shown(value)!r} is not one word.",
            "LightGBM reads its parameters as one line of words: no spaces, no '=' and no '#'.",
        )


def possible(protocol: Protocol, parameter: str) -> Iterator[object]:
    """What a fit may have as ``parameter`` (its first name), where ``params`` or a search's values say it."""
    training = protocol.training
    for name, value in training.params.items():
        if lightgbm_params.resolve(name) == parameter:
            yield value
    for name, spec in training.search.ranges.items() if training.search else ():
        if lightgbm_params.resolve(name) == parameter:
            yield from spec.values or ()
