"""Machine code as a predictor, after it has shown that it gives LightGBM's bits."""

from __future__ import annotations

import ctypes
import math
import random
import re
from array import array
from collections.abc import Callable, Sequence
from typing import Any

from pulse_blocks.errors import PulseError
from pulse_blocks.serving.model import Predicting

_ENTRY = "forest_root"
# Few rows to a call: a model that is served already must not be kept busy.
PARITY_CALLS, PARITY_ROWS = 100, 40
_OF_A_NODE = (b"split_feature", b"threshold", b"decision_type")
_CATEGORICAL = 1
_SAME = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")
_EXPONENTIAL = ("poisson", "gamma", "tweedie")
# The raw scores of some rows, in place → the values that LightGBM gives for them.
Transform = Callable[[list[float]], list[float]]


class CompiledPredictor:
    """Does what ``Predictor`` does. Any thread may call it, and several at a time."""

    def __init__(self, code: bytes, text: bytes, columns: int, outputs: int) -> None:
        """Raises PulseError ``serving.not_compiled`` for an objective that is not known here."""
        self.outputs = outputs
        self._columns = columns
        self._transform = _transform(text, outputs)
        self._engine = _load(code)
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int32, ctypes.c_int32)
        self._entry = kind(self._engine.get_function_address(_ENTRY))

    def predict(self, matrix: array[float], rows: int) -> list[float]:
        """The values of ``rows`` rows; ``matrix`` holds them one after the other as doubles."""
        results = array("d", bytes(8 * rows * self.outputs))
        self._entry(matrix.buffer_info()[0], results.buffer_info()[0], 0, rows)
        return self._transform(results.tolist())


def require_parity(compiled: CompiledPredictor, plain: Predicting, text: bytes, columns: int) -> None:
    """Raise PulseError ``serving.not_compiled`` unless both give the same bits for rows that try every border.

    Values are drawn from the thresholds of the trees themselves, one step below and above, categories, missing ones.
    """
    draw = random.Random(7)  # noqa: S311 - the same rows each time
    pools = _pools(text, columns)
    for _ in range(PARITY_CALLS):
        matrix = array("d", (draw.choice(pools[at % columns]) for at in range(PARITY_ROWS * columns)))
        if compiled.predict(matrix, PARITY_ROWS) != plain.predict(matrix, PARITY_ROWS):
            raise PulseError("serving.not_compiled", "Compiled, the model gives other values than LightGBM.")


def _pools(text: bytes, columns: int) -> list[list[float]]:
    """For each column values on both sides of every threshold, some categories, zero and a missing value."""
    pools = [[math.nan, 0.0, -1.0, *map(float, range(64))] for _ in range(columns)]
    lists = (re.findall(rb"^%b=(.*)$" % name, text, re.MULTILINE) for name in _OF_A_NODE)
    for nodes in zip(*lists, strict=True):
        for column, value, kind in zip(*(one.split() for one in nodes), strict=True):
            # A category is a whole number always; what stands for its threshold is the number of a set of them.
            if not int(kind) & _CATEGORICAL:
                border = float(value)
                pools[int(column)] += [
                    border,
                    math.nextafter(border, -math.inf),
                    math.nextafter(border, math.inf),
                ]
    return pools


def _load(code: bytes) -> Any:
    """An execution engine that holds the code; it must live as long as the code is called."""
    from llvmlite import binding

    binding.initialize()
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_triple(binding.get_process_triple())
    machine = target.create_target_machine(reloc="pic", codemodel="large")
    engine = binding.create_mcjit_compiler(binding.parse_assembly(""), machine)
    engine.set_object_cache(getbuffer_func=lambda _: code)
    engine.finalize_object()
    return engine


def _transform(text: bytes, outputs: int) -> Transform:
    found = re.search(rb"^objective=(\S+) ?(.*)$", text, re.MULTILINE)
    name, options = (found.group(1).decode(), found.group(2).decode()) if found else ("", "")
    if b"\naverage_output" not in text and "sqrt" not in options:
        if name == "binary":
            return _sigmoid(
                float(dict(part.split(":") for part in options.split() if ":" in part)["sigmoid"])
            )
        if name in _SAME:
            return lambda raw: raw
        if name in _EXPONENTIAL:
            return lambda raw: [math.exp(value) for value in raw]
        if name == "multiclass":
            return lambda raw: [
                p for at in range(0, len(raw), outputs) for p in _softmax(raw[at : at + outputs])
            ]
    raise PulseError("serving.not_compiled", f"Models of the objective {name} are not compiled.")


def _sigmoid(factor: float) -> Transform:
    """LightGBM's ``BinaryLogloss::ConvertOutput``; what overflows in C is infinite there."""

    def one(value: float) -> float:
        try:
            return 1.0 / (1.0 + math.exp(-factor * value))
        except OverflowError:
            return 0.0

    return lambda raw: [one(value) for value in raw]


def _softmax(raw: Sequence[float]) -> list[float]:
    """LightGBM's ``Common::Softmax``, its additions in its order."""
    most = max(raw)
    exponentials = [math.exp(value - most) for value in raw]
    total = 0.0
    for value in exponentials:
        total += value
    return [value / total for value in exponentials]
