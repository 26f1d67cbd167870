"""From the model's numbers to the JSON of an output, held to what the protocol says a reply may hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.decision import decision_threshold
from pulse_blocks.protocol.spec import BoundsSpec, Protocol

# The values of some rows, one row after the other → each row's output as a JSON object.
Renderer = Callable[[Sequence[float]], list[bytes]]


def renderer(protocol: Protocol, outputs: int, threshold: float | None = None) -> Renderer:
    """The renderer for a protocol's task; ``outputs`` is the number of values for a row.

    ``threshold`` is the one that training chose, where the protocol leaves it to training.

    A renderer raises PulseError ``model.output`` for a value that is no number or out of bounds: such a
    reply never leaves.
    """
    if protocol.task == "regression":
        return _regression(*_bounds(protocol.output.value, -math.inf, math.inf))
    low, high = _bounds(protocol.output.probability, 0.0, 1.0)
    if protocol.task == "binary-classification":
        return _binary(decision_threshold(protocol, threshold), low, high)
    classes = protocol.target.values or range(outputs)
    if len(classes) != outputs:
        raise PulseError(
            "model.classes", f"The model knows {outputs} classes, the protocol {len(classes)}.",
            "The model's text does not belong to this protocol.",
        )  # fmt: skip
    return _multiclass([str(value) for value in classes], low, high)


def _binary(threshold: float, low: float, high: float) -> Renderer:
    def render(values: Sequence[float]) -> list[bytes]:
        _check(values, low, high)
        return [
            b'{"probability":%b,"decision":%b}'
            % (repr(value).encode(), b"true" if value >= threshold else b"false")
            for value in values
        ]

    return render


def _regression(low: float, high: float) -> Renderer:
    def render(values: Sequence[float]) -> list[bytes]:
        _check(values, low, high)
        return [b'{"value":%b}' % repr(value).encode() for value in values]

    return render


def _multiclass(classes: Sequence[str], low: float, high: float) -> Renderer:
    size = len(classes)

    def render(values: Sequence[float]) -> list[bytes]:
        _check(values, low, high)
        return [
            msgspec.json.encode(
                {"probabilities": dict(zip(classes, values[start : start + size], strict=True))}
            )
            for start in range(0, len(values), size)
        ]

    return render


def _bounds(spec: BoundsSpec | None, low: float, high: float) -> tuple[float, float]:
    if spec is None:
        return low, high
    return (low if spec.ge is None else spec.ge), (high if spec.le is None else spec.le)


def _check(values: Sequence[float], low: float, high: float) -> None:
    for value in values:
        if not low <= value <= high or math.isinf(value):
            raise PulseError(
                "model.output",
                f"The model gave {value!r}, which the protocol does not allow ({low} to {high}).",
                "See `output` in the protocol, and how the model was trained.",
            )
