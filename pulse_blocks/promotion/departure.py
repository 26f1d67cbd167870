"""What a workspace knows of a model that is to leave it, all of it checked first."""

from __future__ import annotations

from typing import TypeVar

from pulse_blocks import bundle as bundles
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.bundle.signing import require_signature, signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.rows import StageRow
from pulse_blocks.lineage.arrivals import arrivals
from pulse_blocks.promotion.candidates import Candidate, stored_candidate
from pulse_blocks.records import Record, Snapshot, StoredModel, TrainedModel, ValidatedData, from_json
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store


class Departure(Record, frozen=True, kw_only=True):
    """A model with its run's records. ``rows`` are its stages by name.

    ``signature`` is that of its promotion here; ``route`` and ``chunks`` are those of its arrival, where it was not
    trained here; ``cause`` is the id of what asked for its run.
    """

    loaded: LoadedBundle
    stored: StoredModel
    trained: TrainedModel
    validated: ValidatedData | None
    snapshot: Snapshot
    rows: dict[str, StageRow]
    signature: str
    route: tuple[str, ...]
    chunks: str | None
    cause: str | None


R = TypeVar("R", bound=Record)


def depart(workspace: Workspace, ledger: Ledger, name: str, model: str | None) -> Departure:
    """Look everything up. Raises PulseError ``promotion.no_champion``, ``promotion.no_run``, or what is not sound."""
    from pulse_blocks.snapshots.reading import load

    candidate = _candidate(ledger, name, model)
    signature = _signature(workspace, ledger, name, candidate)
    store = open_store(workspace.store)
    loaded = bundles.load(store, candidate.bundle, candidate.bundle_sha256)
    rows = _rows(ledger, candidate, loaded)
    came = arrivals(ledger, candidate.model)
    used = ledger.cause_of(rows["store"].attempt)
    return Departure(
        loaded=loaded,
        stored=from_json(rows["store"].record, StoredModel),
        trained=from_json(rows["train"].record, TrainedModel),
        validated=from_json(rows["validate"].record, ValidatedData) if "validate" in rows else None,
        snapshot=load(store, loaded.bundle.snapshot.id),
        rows=rows,
        signature=signature,
        route=came[-1].route if came else (),
        chunks=came[-1].chunks if came else None,
        cause=used.id if used else (came[-1].cause if came else None),
    )


def _candidate(ledger: Ledger, name: str, model: str | None) -> Candidate:
    if model is not None:
        return stored_candidate(ledger, name, model)
    champion = ledger.champion(name)
    if champion is None:
        known = ", ".join(ledger.promoted_names()) or "none yet"
        raise PulseError(
            "promotion.no_champion",
            f"No model of {name} has been promoted in this workspace (promoted: {known}).",
            "Name a stored model: pulse promote NAME MODEL --to WORKSPACE.",
        )
    return stored_candidate(ledger, name, champion.model)


def _signature(workspace: Workspace, ledger: Ledger, name: str, candidate: Candidate) -> str:
    """What vouches for the model here, checked; empty where it was never champion. A forged one goes nowhere."""
    found = [one.signature for one in ledger.promotions(name) if one.model == candidate.model]
    if not found:
        return ""
    require_signature(
        signing_key(workspace),
        found[-1],
        name=name,
        model=candidate.model,
        bundle=candidate.bundle,
        sha256=candidate.bundle_sha256,
    )
    return found[-1]


def _rows(ledger: Ledger, candidate: Candidate, loaded: LoadedBundle) -> dict[str, StageRow]:
    """The stages of the run that the bundle names. Raises PulseError where the ledger does not know it."""
    for stored in ledger.stage_rows(candidate.model, "store"):
        if from_json(stored.record, StoredModel).run != loaded.bundle.run.id:
            continue
        rows = ledger.stages_of(stored.attempt)
        if "train" in rows:
            return rows
    raise PulseError(
        "promotion.no_run",
        f"The ledger of this workspace does not know the run {loaded.bundle.run.id} that made {candidate.model}.",
        "Run the protocol again; what made a model goes where the model goes.",
    )
