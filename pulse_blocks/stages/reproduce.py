"""Reproduce: a run's training again, from its own snapshot, quarantine and protocol, and what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.protocol import spec
from pulse_blocks.records import Record, TrainedModel, ValidatedData, from_json
from pulse_blocks.settings import Workspace
from pulse_blocks.training.comparison import Difference, of_environments, of_texts, of_values

if TYPE_CHECKING:
    from pulse_blocks.ledger import Ledger
    from pulse_blocks.protocol.spec import Protocol
    from pulse_blocks.stores.base import Store
    from pulse_blocks.training import Fitted


class Reproduction(Record, frozen=True, kw_only=True):
    """A run and its repetition. ``same`` says whether the trees are; digests are sha256 of the trees.

    ``differences`` names all that is not as it was, also where the trees are the same: another version of a
    package, another machine. ``seconds`` is how long the fit took now.
    """

    run: str
    model: str
    snapshot: str
    same: bool
    recorded_trees: str
    trees: str
    differences: tuple[Difference, ...]
    seconds: float


def reproduce(workspace: Workspace, run: str) -> Reproduction:
    """Train again what ``run`` (an id or a unique beginning) has trained. Writes nothing, asks no datasource.

    Raises PulseError for a run that is unknown or gave no model, whose snapshot or quarantine is gone or
    damaged, or whose protocol this version of Pulse cannot read.
    """
    from pulse_blocks import training
    from pulse_blocks.ledger import open_ledger
    from pulse_blocks.snapshots.reading import load
    from pulse_blocks.stores import open_store
    from pulse_blocks.training.execution import Execution

    store = open_store(workspace.store)
    with open_ledger(workspace.ledger) as ledger:
        trained, validated = _recorded(ledger, store, run)
    protocol = _protocol(trained, store)
    execution = Execution(dask=workspace.dask or None, searched=trained.searched, checkpoints=False)
    fitted = training.fit(protocol, load(store, trained.snapshot), validated, store, execution=execution)
    return Reproduction(
        run=trained.run,
        model=trained.model,
        snapshot=trained.snapshot,
        same=fitted.trees == trained.trees,
        recorded_trees=trained.trees,
        trees=fitted.trees,
        differences=tuple(_differences(trained, fitted, store)),
        seconds=fitted.seconds,
    )


def _recorded(ledger: Ledger, store: Store, run: str) -> tuple[TrainedModel, ValidatedData]:
    """The records of the train stage and of the validate stage before it."""
    from pulse_blocks.lineage.node import Places
    from pulse_blocks.lineage.resolving import run_id

    found = run_id(Places(ledger=ledger, store=store), run)
    rows = [row for row in ledger.stage_rows(found, "train") if row.record_id == found]
    if not rows:
        raise PulseError(
            "reproduce.no_model",
            f"{found} gave no model: a gate was missed, or its data could not be learned from.",
            f"pulse lineage {found} says why.",
        )
    trained = from_json(rows[-1].record, TrainedModel)
    for row in ledger.stage_rows(trained.snapshot, "validate"):
        if row.attempt == rows[-1].attempt:
            return trained, from_json(row.record, ValidatedData)
    raise PulseError(
        "reproduce.no_validation",
        f"The ledger holds no validation of {trained.snapshot} that belongs to {found}.",
        "Without it nobody knows which rows were in quarantine; run the protocol again.",
    )


def _protocol(trained: TrainedModel, store: Store) -> Protocol:
    """What the run recorded; of runs before it was recorded, what the model's bundle holds."""
    from pulse_blocks import bundle
    from pulse_blocks.bundle.files import key_of

    if not trained.protocol:
        key = key_of(trained.model)
        return bundle.parse(store.get(key), store.locate(key))[1]
    try:
        return spec.from_json(trained.protocol)
    except msgspec.MsgspecError as error:
        raise PulseError(
            "reproduce.protocol",
            f"This version of Pulse cannot read the protocol of {trained.run}: {error}.",
            "Use the version of pulse-blocks that the run was made with; pulse lineage --json names it.",
        ) from None


def _differences(trained: TrainedModel, fitted: Fitted, store: Store) -> list[Difference]:
    found = list(of_environments(trained.environment, fitted.environment))
    if fitted.trees != trained.trees:
        found.append(Difference(what="trees", recorded=trained.trees, now=fitted.trees))
        found += of_texts(_text(trained, store), fitted.text)
    found += of_values("metrics", trained.metrics, fitted.metrics)
    found += of_values("decision", {"threshold": trained.threshold}, {"threshold": fitted.threshold})
    counts = {"train_rows": trained.train_rows, "test_rows": trained.test_rows}
    found += of_values("rows", counts, {"train_rows": fitted.train_rows, "test_rows": fitted.test_rows})
    return found


def _text(trained: TrainedModel, store: Store) -> bytes:
    """The recorded model's text; empty where it is gone, for the digest alone says that the trees differ."""
    return store.get(trained.text) if store.size(trained.text) is not None else b""
