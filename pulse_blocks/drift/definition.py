"""Evidently's view of a protocol: which columns are numbers, which are categories. Nothing is guessed from data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pulse_blocks.drift.decoding import Columns
from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.sketches.reference import PREDICTION

if TYPE_CHECKING:
    import pandas as pd

_CATEGORICAL = ("category", "bool")


def prediction_name(protocol: Protocol) -> str:
    """What the model's answer is called beside its features."""
    return PREDICTION if PREDICTION not in protocol.features else f"{protocol.name}: {PREDICTION}"


def data_definition(protocol: Protocol) -> Any:
    """Evidently's ``DataDefinition`` of the features and the prediction."""
    from evidently import DataDefinition

    kinds: dict[bool, list[str]] = {True: [], False: []}
    for column in features(protocol):
        kinds[column.field.type in _CATEGORICAL].append(column.name)
    kinds[protocol.task == "multiclass-classification"].append(prediction_name(protocol))
    return DataDefinition(numerical_columns=kinds[False], categorical_columns=kinds[True])


def frame(protocol: Protocol, columns: Columns, answers: np.ndarray) -> pd.DataFrame:
    """Columns as Evidently wants them: numbers with NaN, categories as texts with None."""
    import pandas as pd

    data: dict[str, Any] = {
        name: _words(values, columns.texts[name]) if name in columns.texts else values
        for name, values in columns.numbers.items()
    }
    if protocol.task == "multiclass-classification":
        from pulse_blocks.training.encoding import classes

        answers = _words(answers, tuple(map(str, classes(protocol))))
    data[prediction_name(protocol)] = answers
    return pd.DataFrame(data)


def _words(codes: np.ndarray, texts: tuple[str, ...]) -> np.ndarray:
    known = np.isfinite(codes)
    words = np.array([*texts, None], dtype=object)
    return np.asarray(words[np.where(known, codes, len(texts)).astype(np.int64)])
