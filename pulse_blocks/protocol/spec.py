"""The protocol language as typed records: the one owner of its keys, types and defaults.

``loading.py`` checks a file against these types, ``rules`` across them; ``schema.py`` makes the JSON Schema. What a
protocol generates (Pandera schema, MLflow signature...) is built by the owner of each SDK from ``columns.py``.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pulse_blocks.protocol.canonical import without_defaults
from pulse_blocks.protocol.check_spec import (
    BoundsSpec,
    CheckSpec,
    FreshSpec,
    MeanSpec,
    NullsSpec,
    OnInvalidSpec,
    QuantileSpec,
    Severity,
)
from pulse_blocks.protocol.vocabulary import (
    ColumnName,
    Duration,
    Name,
    Number,
    Positive,
    SemVer,
    Share,
    Spec,
    seconds,
)

__all__ = [
    "BoundsSpec",
    "CheckSpec",
    "ColumnName",
    "Duration",
    "FreshSpec",
    "MeanSpec",
    "Name",
    "NullsSpec",
    "Number",
    "OnInvalidSpec",
    "QuantileSpec",
    "SemVer",
    "Severity",
    "Share",
    "Spec",
    "seconds",
]

Task = Literal["binary-classification", "multiclass-classification", "regression"]
FieldType = Literal["float", "int", "bool", "string", "category", "timestamp", "date"]


class WindowSpec(Spec, frozen=True, kw_only=True):
    """Either ``start`` and ``end`` (ISO dates or times, UTC, end excluded) or ``last`` (a duration)."""

    start: str | None = None
    end: str | None = None
    last: Duration | None = None


class SourceSpec(Spec, frozen=True, kw_only=True):
    """Where rows come from. ``time`` and ``key`` are columns without being declared again."""

    datasource: Name
    query: str
    window: WindowSpec | None = None
    time: ColumnName | None = None
    key: tuple[ColumnName, ...] = ()


class FieldSpec(Spec, frozen=True, kw_only=True):
    """What one column may hold. Null is refused unless ``nullable``."""

    type: FieldType
    ge: Number | None = None
    gt: Number | None = None
    le: Number | None = None
    lt: Number | None = None
    values: tuple[str | int, ...] | None = None
    pattern: str | None = None
    min_length: Annotated[int, Meta(ge=0)] | None = None
    max_length: Annotated[int, Meta(ge=0)] | None = None
    nullable: bool = False
    unit: str | None = None
    description: str | None = None


class TargetSpec(Spec, frozen=True, kw_only=True):
    """What the model predicts. ``values`` names the classes of a multiclass target."""

    name: ColumnName
    type: Literal["bool", "int", "float", "category"]
    values: tuple[str | int, ...] | None = None


class DecisionSpec(Spec, frozen=True, kw_only=True):
    """``decision`` is true from ``threshold`` on; ``auto`` is chosen on validation rows for the best f1."""

    threshold: Literal["auto"] | Share = 0.5


class OutputSpec(Spec, frozen=True, kw_only=True):
    """What a reply may hold."""

    probability: BoundsSpec | None = None
    value: BoundsSpec | None = None
    decision: DecisionSpec = DecisionSpec()


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


class GateSpec(Spec, frozen=True, kw_only=True):
    """A condition on a metric of the held-out part; a model that misses one is not registered."""

    metric: str
    at_least: Number | None = None
    at_most: Number | None = None
    not_below_champion_by: Annotated[float, Meta(ge=0)] | None = None


class ResourcesSpec(Spec, frozen=True, kw_only=True):
    """What training may use; ``auto`` is decided from the data."""

    cpu: Literal["auto"] | Positive = "auto"
    memory: Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{0,8}(MiB|GiB))\Z")] = "auto"
    workers: Literal["auto"] | Positive = "auto"
    timeout: Duration = "1h"


class TrainingSpec(Spec, frozen=True, kw_only=True):
    """How the model is fitted and judged. ``params`` go to LightGBM as they are."""

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
    schedule: str | None = None
    resources: ResourcesSpec = ResourcesSpec()


class BatchSpec(Spec, frozen=True, kw_only=True):
    """The largest micro-batch of the runtime, in rows."""

    max_rows: Annotated[int, Meta(ge=1, le=65_536)] = 64


class CacheSpec(Spec, frozen=True, kw_only=True):
    """Replies kept by model and input hash; no entries means no cache."""

    entries: Annotated[int, Meta(ge=0, le=100_000_000)] = 10_000
    ttl: Duration = "60s"


class BreakerSpec(Spec, frozen=True, kw_only=True):
    """After ``failures`` in a row the model is not called for ``reset``; the fallback answers."""

    failures: Positive = 5
    reset: Duration = "10s"
    fallback: Literal["previous-version", "none"] = "none"


class ServingSpec(Spec, frozen=True, kw_only=True):
    """How the runtime serves. ``queue`` is the number of requests that may wait.

    ``deadline`` is the longest that one may take, and what a request may shorten for itself.
    """

    batch: BatchSpec = BatchSpec()
    cache: CacheSpec = CacheSpec()
    breaker: BreakerSpec = BreakerSpec()
    queue: Annotated[int, Meta(ge=1, le=1_000_000)] = 1024
    deadline: Duration = "10s"


class DriftWindowSpec(Spec, frozen=True, kw_only=True):
    """What a drift check looks at: the last days, hours or rows (exactly one)."""

    days: Positive | None = None
    hours: Positive | None = None
    rows: Positive | None = None


Method = Literal["wasserstein", "jensenshannon", "psi", "ks"]
Threshold = Literal["auto"] | Annotated[float, Meta(gt=0)]


class FeatureDriftSpec(Spec, frozen=True, kw_only=True):
    """When features count as drifted: the weighed ``share`` of them beyond ``threshold``."""

    method: Method = "wasserstein"
    threshold: Threshold = "auto"
    weights: Literal["importance", "equal"] = "importance"
    share: Share = 0.2


class PredictionDriftSpec(Spec, frozen=True, kw_only=True):
    """When predictions count as drifted."""

    method: Method = "jensenshannon"
    threshold: Threshold = "auto"


class PerformanceDriftSpec(Spec, frozen=True, kw_only=True):
    """The largest drop of a metric against the held-out part, where labels have come in."""

    metric: str
    max_drop: Annotated[float, Meta(gt=0)]


class MonitoringSpec(Spec, frozen=True, kw_only=True):
    """When the model counts as drifted, and what happens then."""

    schedule: str = "*/15 * * * *"
    window: DriftWindowSpec = DriftWindowSpec(days=7)
    min_rows: Positive = 500
    features: FeatureDriftSpec = FeatureDriftSpec()
    prediction: PredictionDriftSpec = PredictionDriftSpec()
    performance: PerformanceDriftSpec | None = None
    persistence: Positive = 2
    cooldown: Duration = "6h"
    on_drift: Literal["retrain", "alert", "rollback"] = "alert"


class Protocol(Spec, frozen=True, kw_only=True):
    """A model's whole contract."""

    pulse: Literal[1]
    name: Name
    version: SemVer
    task: Task
    source: SourceSpec
    features: Annotated[dict[ColumnName, FieldSpec], Meta(min_length=1)]
    target: TargetSpec
    training: TrainingSpec
    description: str = ""
    owner: str = ""
    columns: dict[ColumnName, FieldSpec] = msgspec.field(default_factory=dict)
    output: OutputSpec = OutputSpec()
    checks: tuple[CheckSpec, ...] = ()
    on_invalid: OnInvalidSpec = OnInvalidSpec()
    serving: ServingSpec = ServingSpec()
    monitoring: MonitoringSpec = MonitoringSpec()

    @property
    def digest(self) -> str:
        """The sha256 of the canonical JSON: comments, spacing and spelled-out defaults do not matter."""
        return hashlib.sha256(to_json(self)).hexdigest()


def to_json(protocol: Protocol) -> bytes:
    """Canonical JSON, without defaults, so that a key added to the language changes no digest.

    The order of features is kept: it is the order of the model's matrix.
    """
    return msgspec.json.encode(without_defaults(protocol))


def from_json(data: bytes | str) -> Protocol:
    """The inverse of ``to_json``, for bundles; files go through ``loading.load``."""
    return msgspec.json.decode(data, type=Protocol)
