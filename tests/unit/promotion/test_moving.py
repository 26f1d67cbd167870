"""Promote and rollback: which model becomes champion, and what is refused before anything moves."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from pulse_blocks import promotion
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.promotion import Move
from pulse_blocks.settings import Workspace
from tests.promoted_models import champions, store_only, without_mlflow
from tests.served_models import RECORD, runtime
from tests.waiting import until


@pytest.fixture
def offline(workspace: Workspace) -> Workspace:
    """A workspace whose MLflow is out of reach: the ledger is what counts."""
    return without_mlflow(workspace)


def back(workspace: Workspace, to: str | None = None) -> Move:
    return promotion.rollback(workspace, "parcels", to=to, reason="it lies", who="ann@desk")


def forth(workspace: Workspace, model: str, name: str = "parcels") -> Move:
    return promotion.promote(workspace, name, model, reason="it is better", who="ann@desk")


def champion(workspace: Workspace, name: str = "parcels") -> str | None:
    with open_ledger(workspace.ledger) as ledger:
        found = ledger.champion(name)
    return found.model if found else None


def test_each_rollback_goes_one_step_further_back(offline: Workspace) -> None:
    """From the third to the second to the first champion, never forth again; then there is none before."""
    first, second, third = (one.model for one in champions(offline, 3))
    assert (back(offline).model, back(offline).model) == (second, first)
    with pytest.raises(PulseError) as refused:
        back(offline)
    assert refused.value.code == "promotion.nothing_before"
    assert champion(offline) == first
    assert forth(offline, third).previous == first
    assert back(offline).model == first


def test_a_named_former_champion_comes_back(offline: Workspace) -> None:
    """By id or unique prefix, with or without the name; a rollback after it goes on from there."""
    first, _, third = (one.model for one in champions(offline, 3))
    moved = back(offline, to=first[:-2])
    assert (moved.model, moved.previous) == (first, third)
    assert back(offline, to=third.partition("@")[2]).model == third


def test_a_promotion_says_who_why_and_what_was_before(offline: Workspace) -> None:
    """In the ledger, in the event for Prefect, and in the audit log."""
    first, second = (one.model for one in champions(offline, 2))
    back(offline)
    with open_ledger(offline.ledger) as ledger:
        row, event, audited = ledger.champion("parcels"), ledger.unsent()[-1], ledger.audit_rows()[-1]
    assert row is not None
    assert (row.action, row.model, row.previous, row.reason, row.who) == (
        "rollback", first, second, "it lies", "ann@desk",
    )  # fmt: skip
    assert (event.event, event.resource) == ("pulse.model.rolled_back", "pulse.model.parcels")
    assert event.payload["previous"] == second
    assert (audited.who, audited.action, audited.subject) == (
        "ann@desk", "model.rollback", f"parcels {first}",
    )  # fmt: skip


def test_a_stored_model_may_be_promoted(offline: Workspace) -> None:
    """A challenger that lost, found by a unique prefix; its version in MLflow goes with it."""
    first = champions(offline, 1)[0]
    lost = store_only(offline, seed=2)
    assert forth(offline, lost.partition("@")[2][:-2]).previous == first.model
    with open_ledger(offline.ledger) as ledger:
        row = ledger.champion("parcels")
    assert row is not None
    assert (row.model, row.version, row.action) == (lost, "7", "promote")
    with pytest.raises(PulseError) as again:
        forth(offline, lost)
    assert again.value.code == "promotion.already_champion"


def test_an_unknown_model_is_told(offline: Workspace) -> None:
    """With those that there are."""
    first = champions(offline, 1)[0]
    with pytest.raises(PulseError) as unknown:
        forth(offline, "parcels@9")
    assert unknown.value.code == "promotion.unknown_model"
    assert first.model in unknown.value.message


def test_a_rollback_needs_the_old_signature(offline: Workspace) -> None:
    """A row that somebody wrote into the ledger without the key is never made champion by going back."""
    first, second = champions(offline, 2)
    with open_ledger(offline.ledger) as ledger:
        for one, signature in ((first, "hmac-sha256:00"), (second, second.signature)):
            ledger.promote(
                name="parcels", model=one.model, bundle=one.bundle, bundle_sha256=one.bundle_sha256,
                version="1", run=one.run, attempt=None, reason="", who="mallory", signature=signature,
            )  # fmt: skip
    with pytest.raises(PulseError) as refused:
        back(offline)
    assert refused.value.code == "bundle.signature"
    assert champion(offline) == second.model


def test_a_prefix_of_several_models_is_refused(offline: Workspace) -> None:
    """The error names them."""
    models = {one.model for one in champions(offline, 2)}
    with pytest.raises(PulseError) as ambiguous:
        forth(offline, "parcels@1.0.0-")
    assert ambiguous.value.code == "promotion.ambiguous"
    assert all(model in ambiguous.value.message for model in models)


@pytest.mark.parametrize("what", ["bundle changed", "bundle gone", "text changed", "text gone"])
def test_a_damaged_model_never_becomes_champion(offline: Workspace, what: str) -> None:
    """It is refused before the pointer moves, and nothing is recorded."""
    first, second = champions(offline, 2)
    path = Path(offline.store) / first.bundle
    if what.startswith("text"):
        path = Path(offline.store) / (path.read_text().partition('"text": "')[2].partition('"')[0])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"1", b"2", 1))
    if what.endswith("gone"):
        path.unlink()
    for move in (lambda: back(offline), lambda: forth(offline, first.model)):
        with pytest.raises(PulseError) as refused:
            move()
        assert refused.value.code in {"bundle.corrupt", "store.missing"}
    assert champion(offline) == second.model
    with open_ledger(offline.ledger) as ledger:
        assert len(ledger.promotions("parcels")) == len(ledger.audit_rows()) == 2


def test_a_name_without_champions_is_told(offline: Workspace) -> None:
    """The error names those that there are."""
    champions(offline, 1)
    with pytest.raises(PulseError, match="parcels") as refused:
        promotion.rollback(offline, "letters", to=None, reason="", who="")
    assert refused.value.code == "promotion.no_champion"


def test_a_running_runtime_follows(offline: Workspace) -> None:
    """Forth and back, each within a second, without a restart."""
    first, second = (one.model for one in champions(offline, 2))
    with runtime(offline, "parcels") as (url, _), httpx.Client(base_url=url) as client:

        def serves(model: str) -> bool:
            reply = client.post("/predict/parcels", json=RECORD).raise_for_status().json()
            return bool(reply["model"] == model)

        assert serves(second)
        back(offline)
        assert until(lambda: serves(first), seconds=1.0)
        forth(offline, second)
        assert until(lambda: serves(second), seconds=1.0)
