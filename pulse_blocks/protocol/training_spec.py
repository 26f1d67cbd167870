"""How a protocol has its model fitted and judged, and what the fit may use."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pulse_blocks.protocol.vocabulary import ColumnName, Duration, Number, Positive, Spec


class SplitSpec(Spec, frozen=True, kw_only=True):
    """How rows are held out.

    ``time``: the last ``test`` share of the days; ``random``: each row by ``seed``; ``group``: all rows of a
    value of ``column``, by ``seed``; ``column``: the rows whose ``column`` is ``value``. ``validation`` is the
    share of the training part that early stopping and the threshold are decided on.
    """

    by: Literal["time", "random", "group", "column"] = "random"
    test: Annotated[float, Meta(gt=0, lt=1)] = 0.2
    column: ColumnName | None = None
    value: bool | int | float | str | None = None
    validation: Annotated[float, Meta(gt=0, lt=1)] = 0.2


class EarlyStoppingSpec(Spec, frozen=True, kw_only=True):
    """Stop when ``metric`` on the validation part has not improved for ``rounds``; the best round is kept."""

    rounds: Positive
    metric: str | None = None


class WeightsSpec(Spec, frozen=True, kw_only=True):
    """The column that says how much a row counts in training."""

    column: ColumnName


class CalibrationSpec(Spec, frozen=True, kw_only=True):
    """Probabilities made to mean what they say, on validation rows: a sigmoid, or an isotonic curve."""

    method: Literal["sigmoid", "isotonic"] = "sigmoid"


class RangeSpec(Spec, frozen=True, kw_only=True):
    """What a parameter is searched over: ``values``, or ``low`` to ``high`` (on a ``log`` scale)."""

    low: Number | None = None
    high: Number | None = None
    log: bool = False
    values: tuple[bool | int | float | str, ...] | None = None


class SearchSpec(Spec, frozen=True, kw_only=True):
    """Parameters chosen by trials on validation rows, by ``metric``, within ``trials`` and ``timeout``.

    ``parallel`` trials run side by side, within what the plan gives.
    """

    ranges: Annotated[dict[str, RangeSpec], Meta(min_length=1)]
    trials: Annotated[int, Meta(ge=1, le=10_000)] = 20
    timeout: Duration | None = None
    metric: str | None = None
    parallel: Literal["auto"] | Positive = "auto"
    prune: bool = True


class GateSpec(Spec, frozen=True, kw_only=True):
    """A condition on a metric of the held-out part; a model that misses one is not registered."""

    metric: str
    at_least: Number | None = None
    at_most: Number | None = None
    not_below_champion_by: Annotated[float, Meta(ge=0)] | None = None


class ResourcesSpec(Spec, frozen=True, kw_only=True):
    """What training may use; ``auto`` is decided from the data.

    A run that is killed for memory is run again with twice as much, up to ``ceiling``.
    """

    cpu: Literal["auto"] | Positive = "auto"
    memory: Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{0,8}(MiB|GiB))\Z")] = "auto"
    workers: Literal["auto"] | Positive = "auto"
    timeout: Duration = "1h"
    ceiling: Annotated[str, Meta(pattern=r"^[1-9]\d{0,8}(MiB|GiB)\Z")] | None = None


class TrainingSpec(Spec, frozen=True, kw_only=True):
    """How the model is fitted and judged. ``params`` go to LightGBM as they are.

    ``checkpoint`` is the number of rounds after which a killed fit need not start again.
    """

    algorithm: Literal["lightgbm"] = "lightgbm"
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    params: dict[str, bool | int | float | str] = msgspec.field(default_factory=dict)
    rounds: Annotated[int, Meta(ge=1, le=100_000)] = 100
    early_stopping: EarlyStoppingSpec | None = None
    weights: Literal["balanced"] | WeightsSpec | None = None
    monotone: dict[ColumnName, Literal["increasing", "decreasing"]] = msgspec.field(default_factory=dict)
    split: SplitSpec = SplitSpec()
    metrics: tuple[str, ...] = ()
    gates: tuple[GateSpec, ...] = ()
    calibration: CalibrationSpec | None = None
    search: SearchSpec | None = None
    checkpoint: Positive | None = None
    schedule: str | None = None
    resources: ResourcesSpec = ResourcesSpec()
