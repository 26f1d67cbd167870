"""The whole way with the ledger in PostgreSQL: trained, promoted, served, rolled back, audited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from pulse_blocks import promotion, settings
from pulse_blocks.bundle.signing import VARIABLE, signing_key
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.audit import audit
from pulse_blocks.lineage.node import Places
from pulse_blocks.settings import FILE
from pulse_blocks.stores import open_store
from tests.prefect_server import Server
from tests.served_models import runtime
from tests.tiny_project import RECORD, write_parcels


def run_flow() -> Any:
    """What a run carries: a summary, or the error."""
    from flows.train import train

    return train("tiny", return_state=True).result(raise_on_failure=False)


def summary() -> Any:
    """What a run that succeeds carries."""
    found = run_flow()
    assert not isinstance(found, Exception), repr(found)
    return found


@pytest.fixture
def on_postgres(project: Path, postgres_ledger: str) -> Path:
    """The project with its ledger in an empty database."""
    path = project / ".pulse" / FILE
    path.write_text(f'ledger = "{postgres_ledger}"\n{path.read_text()}')
    return project


def test_a_run_needs_the_key_before_it_begins(api: Server, on_postgres: Path) -> None:
    """Not at its end: nothing was read or trained."""
    refused = run_flow()
    assert refused.code == "signing.no_key"
    assert not list((on_postgres / ".pulse" / "store").glob("chunks/**/*.parquet"))


def test_from_data_to_a_rollback(api: Server, on_postgres: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models one after the other, a prediction, a step back: everything can be traced, and the audit holds."""
    monkeypatch.setenv(VARIABLE, "k" * 64)
    workspace = settings.load(on_postgres)
    first = summary()
    write_parcels(on_postgres / ".pulse" / "parcels.db", seed=2)
    second = summary()
    if not second.promoted:  # a challenger that lost may still be promoted by hand
        promotion.promote(workspace, "tiny", second.model, reason="try it", who="ann@desk")
    with runtime(workspace, "tiny") as (url, _):
        reply = httpx.post(f"{url}/predict/tiny", json=RECORD).raise_for_status().json()
    assert reply["model"] == second.model != first.model
    assert promotion.rollback(workspace, "tiny", to=None, reason="no", who="ann@desk").model == first.model
    assert trace(workspace, reply["inference_id"]).children
    with open_ledger(workspace.ledger) as ledger:
        places = Places(ledger=ledger, store=open_store(workspace.store))
        found = audit(places, signing_key(workspace))
    assert found.findings == ()
    assert found.checked["signatures"] == found.checked["promotions"] == 3
