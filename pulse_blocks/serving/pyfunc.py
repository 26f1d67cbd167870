"""The same predictor inside MLflow: ``mlflow.pyfunc`` calls ``_load_pyfunc`` with a model's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks.bundle import LoadedBundle, parse
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import FieldSpec
from pulse_blocks.serving.model import Model

BUNDLE, TEXT = "bundle.json", "model.txt"


class PulseModel:
    """A model as MLflow sees it: a frame in, a frame of outputs out, checked against the protocol."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """A pandas frame with a row of outputs (probability, decision...) for each row of a pandas frame.

        Columns that are no features are ignored. Raises PulseError where a value breaks the protocol.
        """
        import pandas as pd

        features = self._model.protocol.features
        names = [name for name in features if name in model_input.columns]
        columns = [_plain(model_input[name], features[name]) for name in names]
        raw = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        try:
            records = msgspec.convert(raw, list[self._model.record])  # type: ignore[name-defined]
        except msgspec.ValidationError as error:
            raise PulseError("request.invalid", f"The frame does not meet the protocol: {error}.") from None
        for row, reason in self._model.broken_checks(records):
            raise PulseError("request.invalid", f"The frame does not meet the protocol: row {row}: {reason}")
        outputs = [msgspec.json.decode(output) for output in self._model.outputs(records)] if records else []
        flat = [output.get("probabilities", output) for output in outputs]
        return pd.DataFrame(flat, index=model_input.index)


def _plain(column: Any, field: FieldSpec) -> list[Any]:
    """Python values with None where a value is missing.

    A frame has no integers or booleans beside missing values: where the protocol has them, 3.0 is 3 and 1.0 true.
    """
    values = list(column.astype(object).where(column.notna(), None))
    if field.type == "bool":
        return [bool(value) if value in {0, 1} else value for value in values]
    if field.type in {"int", "category"}:
        return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]
    return values


def _load_pyfunc(path: str) -> PulseModel:
    """MLflow's entry point: ``path`` holds ``bundle.json`` and ``model.txt``."""
    folder = Path(path)
    bundle, protocol = parse((folder / BUNDLE).read_bytes(), str(folder / BUNDLE))
    text = (folder / TEXT).read_bytes()
    return PulseModel(Model(LoadedBundle(bundle=bundle, protocol=protocol, model_text=text)))
