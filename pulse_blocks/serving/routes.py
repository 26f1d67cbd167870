"""Which path is a prediction, in which dialect, of which model."""

from __future__ import annotations

from collections.abc import Sequence

from pulse_blocks.protocol.problems import nearest
from pulse_blocks.serving.champions import Slot
from pulse_blocks.serving.dialects.base import Dialect, Headers
from pulse_blocks.serving.dialects.mlflow import MLFLOW
from pulse_blocks.serving.dialects.open_inference import OPEN_INFERENCE
from pulse_blocks.serving.dialects.predict import PREDICT
from pulse_blocks.serving.refusals import Refusal

# SageMaker's own header for an endpoint of several models.
TARGET_HEADER = b"x-amzn-sagemaker-target-model"
_PREDICT, _INVOCATIONS, _V2, _INFER = "/predict/", "/invocations", "/v2/models/", "/infer"


def prediction_paths(names: Sequence[str]) -> dict[str, tuple[Dialect, str | None]]:
    """Every path that predictions are posted to: its dialect and its model, None where a request names one."""
    found: dict[str, tuple[Dialect, str | None]] = {}
    for name in names:
        found[f"{_PREDICT}{name}"] = PREDICT, name
        found[f"{_V2}{name}{_INFER}"] = OPEN_INFERENCE, name
    return {**found, _INVOCATIONS: (MLFLOW, names[0] if len(names) == 1 else None)}


class Routes:
    """Exact paths of what is served are one look-up; the rest is told apart only where that fails."""

    def __init__(self, slots: dict[str, Slot]) -> None:
        self._slots = slots
        self._exact: dict[str, tuple[Dialect, Slot]] = {
            path: (dialect, slots[name])
            for path, (dialect, name) in prediction_paths(tuple(slots)).items()
            if name is not None
        }

    def find(self, path: str, headers: Headers) -> tuple[Dialect, Slot | Refusal | None]:
        """The dialect of a POST and its model, why there is none, or None where it is no prediction."""
        found = self._exact.get(path)
        if found:
            return found
        if path == _INVOCATIONS:
            return MLFLOW, self._targeted(headers)
        if path.startswith(_PREDICT):
            return PREDICT, self._unknown(path[len(_PREDICT) :])
        if path.startswith(_V2) and path.endswith(_INFER):
            return OPEN_INFERENCE, self._unknown(path[len(_V2) : -len(_INFER)])
        return PREDICT, None

    def _targeted(self, headers: Headers) -> Slot | Refusal:
        name = headers.get(TARGET_HEADER, b"").decode("latin-1")
        if not name:
            return Refusal(
                400, "serving.which_model", f"Several models are served here: {', '.join(self._slots)}.",
                "Name one with the header X-Amzn-SageMaker-Target-Model, or post to /predict/NAME.",
            )  # fmt: skip
        return self._slots.get(name) or self._unknown(name)

    def _unknown(self, name: str) -> Refusal:
        return Refusal(
            404, "serving.unknown_model", f"No model named {name[:80]} is served here.",
            nearest(name, self._slots) or f"Served are: {', '.join(self._slots)}.",
        )  # fmt: skip
