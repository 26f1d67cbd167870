"""Trained models of one name that are stored, and champions of it in turn."""

from __future__ import annotations

import msgspec

from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.records import StoredModel, to_json
from pulse_blocks.settings import Workspace
from tests.served_models import keep, protocol, train, train_and_promote


def without_mlflow(workspace: Workspace) -> Workspace:
    """The workspace with an MLflow that is out of reach, which is known at once."""
    return msgspec.structs.replace(workspace, tracking="sqlite:////dev/null/mlflow.db")


def champions(workspace: Workspace, count: int) -> list[Promotion]:
    """So many models with the versions 1, 2, ... in MLflow, each promoted after the one before."""
    return [train_and_promote(workspace, seed=seed, version=str(seed)) for seed in range(1, count + 1)]


def store_only(workspace: Workspace, seed: int) -> str:
    """A model that was trained and stored and is no champion, as after a lost challenge; its id."""
    bundle, key, sha256 = keep(workspace, protocol(), train(protocol(), seed).model_to_string().encode())
    stored = StoredModel(
        model=bundle.model,
        run=bundle.run.id,
        tracking_run=bundle.run.tracking_run,
        snapshot=bundle.snapshot.id,
        version="7",
        bundle=key,
        bundle_sha256=sha256,
        smoke="models/smoke.json",
        lost="roc_auc is lower.",
    )
    with open_ledger(workspace.ledger) as ledger:
        attempt = ledger.begin(bundle.name, bundle.model).id
        ledger.finish_stage(attempt, "store", bundle.model, to_json(stored), 1.0)
    return bundle.model
