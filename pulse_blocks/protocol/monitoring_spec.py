"""When a protocol's model counts as drifted or regressed, and what follows."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from pulse_blocks.protocol.vocabulary import Duration, Positive, Share, Spec


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


class GuardSpec(Spec, frozen=True, kw_only=True):
    """What a new champion must keep to for ``window`` after its promotion, or the one before it comes back.

    ``errors`` is the greatest share of failed requests, ``latency`` how many times slower than the champion
    before it, ``prediction`` the greatest distance (Jensen-Shannon, 0 to 1) between what both say to the same
    requests, of which ``shadow`` is the share that the old champion answers silently. ``performance`` is the
    largest drop of the monitored metric once labels have come.
    """

    window: Duration = "1h"
    min_requests: Positive = 200
    errors: Share = 0.01
    latency: Annotated[float, Meta(gt=1)] = 3.0
    prediction: Share = 0.3
    shadow: Share = 0.1
    performance: Annotated[float, Meta(gt=0)] = 0.05


class MonitoringSpec(Spec, frozen=True, kw_only=True):
    """When the model counts as drifted, and what happens then.

    ``label_delay`` is how long after its event a label may still come: rows younger than that are not judged
    by their labels.
    """

    schedule: str = "*/15 * * * *"
    window: DriftWindowSpec = DriftWindowSpec(days=7)
    min_rows: Positive = 500
    features: FeatureDriftSpec = FeatureDriftSpec()
    prediction: PredictionDriftSpec = PredictionDriftSpec()
    performance: PerformanceDriftSpec | None = None
    persistence: Positive = 2
    cooldown: Duration = "6h"
    label_delay: Duration | None = None
    guard: GuardSpec | None = GuardSpec()
    on_drift: Literal["retrain", "alert", "rollback"] = "alert"
