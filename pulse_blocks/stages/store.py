"""Store: a trained model becomes a registered version and a serving bundle."""

from __future__ import annotations

from pulse_blocks.bundle import Bundle
from pulse_blocks.errors import PulseError
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import StoredModel, TrainedModel
from pulse_blocks.stages.context import Context


def store(model: TrainedModel, context: Context) -> StoredModel:
    """Write the bundle, register the version with the bundle as its artifact, and finish the MLflow run.

    Identical trees are the same model: its bundle and its version are found again, never made twice. Raises
    PulseError where a bundle of this model would serve another contract under the same version.
    """
    from pulse_blocks import bundle
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.tracking import Tracking

    place = open_store(context.workspace.store)
    made = bundle.make(context.protocol, model, load(place, model.snapshot))
    key, sha256 = bundle.write(place, made)
    loaded = bundle.load(place, key, sha256)
    if _held_to(made) != _held_to(loaded.bundle) or _served(context.protocol) != _served(loaded.protocol):
        raise _changed(context.protocol)
    tracking = Tracking(context.workspace)
    files = {"bundle.json": place.get(key), "model.txt": loaded.model_text}
    version = tracking.register(context.protocol, model, files)
    tracking.finish(model.tracking_run)
    return StoredModel(
        model=model.model,
        run=model.run,
        tracking_run=model.tracking_run,
        snapshot=model.snapshot,
        version=version,
        bundle=key,
        bundle_sha256=sha256,
        smoke=model.smoke,
        lost=model.lost,
        champion=model.champion,
    )


def _changed(new: Protocol) -> PulseError:
    return PulseError(
        "bundle.contract_changed",
        f"{new.name} {new.version} has changed how it serves, but neither its version nor its trees have.",
        "Give the protocol a new version.",
    )


def _held_to(made: Bundle) -> tuple[object, ...]:
    """What makes a difference to a reply and is no part of the protocol."""
    return made.row_checks, made.threshold, made.calibration


def _served(protocol: Protocol) -> tuple[object, ...]:
    """What makes a difference to a reply."""
    source = protocol.source
    features = tuple(protocol.features.items())
    return (
        protocol.task,
        features,
        protocol.target,
        protocol.output,
        protocol.serving,
        source.time,
        source.key,
    )
