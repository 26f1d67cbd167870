"""Gates: conditions on the metrics of the held-out part that a model must meet to be registered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.metrics import LESS_IS_BETTER
from pulse_blocks.protocol.spec import GateSpec
from pulse_blocks.records import Record

# The condition of a gate against the champion: a challenger that misses it loses, which is no failure.
CHAMPION = "not_below_champion_by"


class GateResult(Record, frozen=True, kw_only=True):
    """One condition and how the model stands. ``note`` says where a champion's value comes from."""

    metric: str
    condition: str
    value: float
    bound: float
    passed: bool
    note: str = ""


def judge(
    gates: Sequence[GateSpec],
    metrics: Mapping[str, float],
    champion: Mapping[str, float] | None = None,
    note: str = "",
) -> tuple[GateResult, ...]:
    """The result of every gate. A metric that is not a number misses every gate.

    A gate against the champion holds where there is none, or none of its metric, or one that is not a number.
    """
    return tuple(result for gate in gates for result in _results(gate, metrics[gate.metric], champion, note))


def require(results: Sequence[GateResult]) -> None:
    """Raise PulseError("training.gate_missed") with a sentence for each absolute gate that is missed."""
    missed = [_sentence(result) for result in results if not result.passed and result.condition != CHAMPION]
    if missed:
        raise PulseError(
            "training.gate_missed",
            " ".join(missed),
            "The model is not registered; look at its metrics and the data, or change the gate.",
        )


def lost(results: Sequence[GateResult]) -> str | None:
    """Why the champion stays, in a sentence; None where no gate against it is missed."""
    missed = [_sentence(result) for result in results if not result.passed and result.condition == CHAMPION]
    return " ".join(missed) or None


def _results(
    gate: GateSpec, value: float, champion: Mapping[str, float] | None, note: str
) -> Iterator[GateResult]:
    metric = gate.metric
    if gate.at_least is not None:
        bound = float(gate.at_least)
        yield GateResult(metric=metric, condition="at_least", value=value, bound=bound, passed=value >= bound)
    if gate.at_most is not None:
        bound = float(gate.at_most)
        yield GateResult(metric=metric, condition="at_most", value=value, bound=bound, passed=value <= bound)
    rival = (champion or {}).get(metric, math.nan)
    if gate.not_below_champion_by is not None and not math.isnan(rival):
        less = metric in LESS_IS_BETTER
        bound = rival + (gate.not_below_champion_by if less else -gate.not_below_champion_by)
        yield GateResult(
            metric=metric,
            condition=CHAMPION,
            value=value,
            bound=bound,
            passed=value <= bound if less else value >= bound,
            note=note,
        )


def _sentence(result: GateResult) -> str:
    if math.isnan(result.value):
        return f"{result.metric} is not a number, so it misses the gate {_short(f'{result.bound:.4f}')}."
    below = result.value < result.bound
    side = "below" if below else "above"
    value, bound = _different(result.value, result.bound)
    if result.condition == CHAMPION:
        return f"{result.metric} {value} is {side} what the champion allows, {bound} ({result.note})."
    return f"{result.metric} {value} is {side} the gate {bound}."


def _different(value: float, bound: float) -> tuple[str, str]:
    """Both numbers rounded, but never so that a miss looks like a hit."""
    for digits in range(4, 17):
        shown = f"{value:.{digits}f}", f"{bound:.{digits}f}"
        if shown[0] != shown[1]:
            return shown[0], _short(shown[1])
    return repr(value), repr(bound)


def _short(number: str) -> str:
    """Trailing zeros cut to two decimals: 0.7000 → 0.70."""
    whole, _, fraction = number.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
