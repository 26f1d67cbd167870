"""Before a pointer moves: the model serves what it was trained to, from the very files that the runtime reads."""

from __future__ import annotations

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.records import StoredModel
from pulse_blocks.stores.base import Store


def require_same_predictions(stored: StoredModel, store: Store) -> None:
    """Raise PulseError unless the served predictions of held-out rows are the offline ones, to the bit."""
    from pulse_blocks import bundle
    from pulse_blocks.serving.model import Model
    from pulse_blocks.snapshots.sealing import holds
    from pulse_blocks.training import Smoke

    model = Model(bundle.load(store, stored.bundle, stored.bundle_sha256))
    data = store.get(stored.smoke)
    if not holds(data):
        raise PulseError(
            "deploy.smoke_damaged",
            f"{store.locate(stored.smoke)} is damaged: it differs from its checksum.",
            "The pointer was not moved. Restore the file from a backup, or run the protocol again.",
        )
    smoke = msgspec.json.decode(data, type=Smoke)
    records = msgspec.convert(smoke.rows, list[model.record], strict=False)  # type: ignore[name-defined]
    served = model.values(records)
    differing = sum(ours != offline for ours, offline in zip(served, smoke.predictions, strict=True))
    if differing:
        raise PulseError(
            "deploy.smoke",
            f"{stored.model} serves {differing} of {len(served)} predictions that differ from the offline ones.",
            "The pointer was not moved. Please report this: it is an error of Pulse's own.",
        )
