"""A model judged again, where another one has become champion since it was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulse_blocks.records import StoredModel, TrainedModel, ValidatedData, from_json
from pulse_blocks.stages.context import Context

if TYPE_CHECKING:
    from pulse_blocks.ledger.rows import Promotion
    from pulse_blocks.stores.base import Store
    from pulse_blocks.training import Champion


def judged_again(promotion: Promotion, stored: StoredModel, context: Context) -> str | None:
    """Why the present champion stays, on the model's own held-out rows; None where no gate against it is missed."""
    from pulse_blocks import training
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.protocol.metrics import computed
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.training.gates import judge

    protocol = context.protocol
    if all(gate.not_below_champion_by is None for gate in protocol.training.gates):
        return None
    # Here, for they load LightGBM, which this process needs for nothing else.
    from pulse_blocks.training.evaluation import compare
    from pulse_blocks.training.parts import prepare

    with open_ledger(context.workspace.ledger) as ledger:
        records = ledger.stage_records(context.attempt)
    trained, validated = (
        from_json(records["train"], TrainedModel),
        from_json(records["validate"], ValidatedData),
    )
    store = open_store(context.workspace.store)
    held_out = prepare(protocol, load(store, stored.snapshot), validated, store)
    rival, note = compare(champion_of(promotion, store), protocol, computed(protocol), held_out)
    return training.lost(judge(protocol.training.gates, trained.metrics, rival, note))


def champion_of(promotion: Promotion, store: Store) -> Champion:
    """The model that a promotion names, as a challenger is compared with it. Raises PulseError where it is damaged."""
    from pulse_blocks import bundle
    from pulse_blocks.training import Champion

    loaded = bundle.load(store, promotion.bundle, promotion.bundle_sha256)
    return Champion(
        model=promotion.model,
        text=loaded.model_text,
        protocol=loaded.protocol,
        metrics=loaded.bundle.run.metrics,
        threshold=loaded.bundle.threshold,
        calibration=loaded.bundle.calibration,
    )
