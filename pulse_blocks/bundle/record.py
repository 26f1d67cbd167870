"""What a bundle holds."""

from __future__ import annotations

from typing import Literal

import msgspec

from pulse_blocks.protocol import spec
from pulse_blocks.protocol.expressions import RowCheck
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Calibration, Environment, Record, Snapshot, TrainedModel, from_json
from pulse_blocks.sketches.reference import DriftReference
from pulse_blocks.times import utc_now

FORMAT = 1


class RunFacts(Record, frozen=True, kw_only=True):
    """The training run: ``tracking_run`` is MLflow's own id, ``seconds`` how long it took.

    ``restored`` says who had made an older snapshot its data and when, None where they were read anew.
    ``environment`` is what decided the trees beside data and protocol; None in bundles of before it was kept.
    """

    id: str
    tracking_run: str
    started: str
    seconds: float
    metrics: dict[str, float]
    restored: str | None = None
    environment: Environment | None = None


class SnapshotFacts(Record, frozen=True, kw_only=True):
    """The data that the model was trained on; ``hash`` is a sha256."""

    id: str
    hash: str
    datasource: str
    created: str
    rows: int


class Bundle(Record, frozen=True, kw_only=True):
    """A model that can be served and traced.

    ``protocol`` is the protocol's canonical JSON, ``text`` the key of the model's text in the store,
    ``trees`` the sha256 of that text before its parameters. ``row_checks`` are the protocol's checks that a
    request is held to. ``threshold`` is the one that training chose; None where the protocol says it.
    ``calibration`` is what the trees' probabilities go through before anybody sees them. ``drift`` is what
    drift is measured against; None where the data were too few, or in bundles of before it was kept.
    """

    format: Literal[1] = 1
    model: str
    name: str
    protocol: msgspec.Raw
    text: str
    text_sha256: str
    trees: str
    run: RunFacts
    snapshot: SnapshotFacts
    created: str
    row_checks: tuple[RowCheck, ...] = ()
    threshold: float | None = None
    calibration: Calibration | None = None
    drift: DriftReference | None = None


class LoadedBundle(Record, frozen=True, kw_only=True):
    """A bundle whose hashes held, its protocol, and the model's text: the very bytes that were hashed."""

    bundle: Bundle
    protocol: Protocol
    model_text: bytes


def make(protocol: Protocol, trained: TrainedModel, snapshot: Snapshot) -> Bundle:
    """The bundle of a trained model."""
    from pulse_blocks.protocol.translating import row_checks

    return Bundle(
        model=trained.model,
        name=protocol.name,
        protocol=msgspec.Raw(spec.to_json(protocol)),
        text=trained.text,
        text_sha256=trained.text_sha256,
        trees=trained.trees,
        run=RunFacts(
            id=trained.run,
            tracking_run=trained.tracking_run,
            started=trained.started,
            seconds=trained.seconds,
            metrics=trained.metrics,
            restored=trained.restored,
            environment=trained.environment,
        ),
        snapshot=SnapshotFacts(
            id=snapshot.id,
            hash=snapshot.hash,
            datasource=snapshot.datasource,
            created=snapshot.created,
            rows=snapshot.rows,
        ),
        created=utc_now(),
        row_checks=row_checks(protocol),
        threshold=trained.threshold,
        calibration=trained.calibration,
        drift=from_json(trained.drift, DriftReference) if trained.drift else None,
    )


def to_json(bundle: Bundle) -> bytes:
    """The bundle as a file: what its hash is over. The protocol keeps its order, that of the matrix."""
    return msgspec.json.format(msgspec.json.encode(bundle), indent=1)
