"""Columns as drift sees them: distances of windows to the reference sample, by the protocol's methods."""

from __future__ import annotations

import numpy as np

from pulse_blocks.protocol.columns import ColumnSpec, features
from pulse_blocks.protocol.monitoring_spec import Method
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.sketches.distances import Reference
from pulse_blocks.sketches.reference import PREDICTION

# What chance alone does is simulated with windows and a reference of these sizes, and scaled from there.
RANDOM_WINDOWS, RANDOM_ROWS, RANDOM_REFERENCE = 200, 500, 2_000
_CATEGORICAL = ("category", "bool")


class Column:
    """A feature or the prediction: how it is measured, and its values in the sample."""

    def __init__(
        self, name: str, method: str, values: np.ndarray, *, categorical: bool, weight: float
    ) -> None:
        self.name, self.method, self.values = name, method, values
        self.categorical, self.weight = categorical, weight
        self._order = np.argsort(values)

    def reference(self, keep: np.ndarray | None = None) -> Reference | None:
        """The sample's values (those that ``keep`` masks), None where there is none."""
        order = self._order if keep is None else self._order[keep[self._order]]
        values = self.values[order]
        values = values[np.isfinite(values)]
        return Reference(values, categorical=self.categorical) if values.size else None


def method_for(method: Method, field: str) -> str:
    """How a column of this type is measured: what is made for numbers alone gives way for categories."""
    return "jensenshannon" if field in _CATEGORICAL and method in ("wasserstein", "ks") else method


def measured_columns(protocol: Protocol, sample: np.ndarray, importance: dict[str, float]) -> list[Column]:
    spec, known = protocol.monitoring, features(protocol)
    weights = _weights(protocol, known, importance)
    found = [
        Column(
            column.name,
            method_for(spec.features.method, column.field.type),
            sample[:, at],
            categorical=column.field.type in _CATEGORICAL,
            weight=weights[column.name],
        )
        for at, column in enumerate(known)
    ]
    several = protocol.task == "multiclass-classification"
    kind = "category" if several else "float"
    method = method_for(spec.prediction.method, kind)
    found.append(Column(PREDICTION, method, sample[:, -1], categorical=several, weight=1.0))
    return found


def _weights(
    protocol: Protocol, known: tuple[ColumnSpec, ...], importance: dict[str, float]
) -> dict[str, float]:
    equal = {column.name: 1.0 / len(known) for column in known}
    total = sum(importance.values())
    if protocol.monitoring.features.weights == "equal" or total <= 0:
        return equal
    return {column.name: importance[column.name] / total for column in known}


def distances(measured: list[Column], window: np.ndarray, keep: np.ndarray | None) -> list[float]:
    """The distance of each column, 0 where one side has no values: nulls are judged by themselves."""
    found = []
    for at, column in enumerate(measured):
        values = window[:, at]
        values = values[np.isfinite(values)]
        reference = column.reference(keep)
        found.append(reference.distance(column.method, values) if reference and values.size else 0.0)
    return found


def by_chance(measured: list[Column], pool: np.ndarray, seed: int) -> np.ndarray:
    """Distances of windows of independent rows, columns by windows."""
    draw = np.random.default_rng(seed)
    rows = measured[0].values.size
    keep = np.zeros(rows, np.bool_)
    keep[draw.permutation(rows)[:RANDOM_REFERENCE]] = True
    references = [column.reference(keep) for column in measured]
    found = np.zeros((len(measured), RANDOM_WINDOWS))
    for number in range(RANDOM_WINDOWS):
        window = pool[draw.integers(0, len(pool), RANDOM_ROWS)]
        for at, (column, reference) in enumerate(zip(measured, references, strict=True)):
            values = window[:, at]
            values = values[np.isfinite(values)]
            if reference is not None and values.size:
                found[at, number] = reference.distance(column.method, values)
    return found
