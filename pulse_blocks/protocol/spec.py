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
from pulse_blocks.protocol.monitoring_spec import (
    DriftWindowSpec,
    FeatureDriftSpec,
    GuardSpec,
    Method,
    MonitoringSpec,
    PerformanceDriftSpec,
    PredictionDriftSpec,
    Threshold,
)
from pulse_blocks.protocol.serving_spec import BatchSpec, BreakerSpec, CacheSpec, ServingSpec
from pulse_blocks.protocol.training_spec import (
    CalibrationSpec,
    EarlyStoppingSpec,
    GateSpec,
    RangeSpec,
    ResourcesSpec,
    SearchSpec,
    SplitSpec,
    TrainingSpec,
    WeightsSpec,
)
from pulse_blocks.protocol.vocabulary import (
    ColumnName,
    Duration,
    Name,
    Number,
    SemVer,
    Share,
    Spec,
    seconds,
)

__all__ = [
    "BatchSpec",
    "BoundsSpec",
    "BreakerSpec",
    "CacheSpec",
    "CalibrationSpec",
    "CheckSpec",
    "ColumnName",
    "DriftWindowSpec",
    "Duration",
    "EarlyStoppingSpec",
    "FeatureDriftSpec",
    "FreshSpec",
    "GateSpec",
    "GuardSpec",
    "MeanSpec",
    "Method",
    "MonitoringSpec",
    "Name",
    "NullsSpec",
    "Number",
    "OnInvalidSpec",
    "PerformanceDriftSpec",
    "PredictionDriftSpec",
    "QuantileSpec",
    "RangeSpec",
    "ResourcesSpec",
    "SearchSpec",
    "SemVer",
    "ServingSpec",
    "Severity",
    "Share",
    "Spec",
    "SplitSpec",
    "Threshold",
    "TrainingSpec",
    "WeightsSpec",
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
    """What one column may hold. Null is refused unless ``nullable``.

    The ledger holds a keyed hash of what is ``private`` instead of the value.
    """

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
    private: bool = False
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


class RetentionSpec(Spec, frozen=True, kw_only=True):
    """How long inferences stay in the ledger and, after that, in the archive. Left out: for ever."""

    live: Duration | None = None
    archived: Duration | None = None


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
    retention: RetentionSpec = RetentionSpec()

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
