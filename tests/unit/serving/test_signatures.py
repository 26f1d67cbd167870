"""A model is served only where the workspace's key vouches for it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import FILE, sign
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.ledger.rows import Promotion
from pulse_blocks.serving.server import serve
from pulse_blocks.settings import Workspace
from tests.served_models import RECORD, runtime, train_and_promote
from tests.waiting import until


def promote(workspace: Workspace, like: Promotion, **changes: str) -> None:
    """Write a promotion into the ledger, as somebody without the key could who can write there."""
    names = ("name", "model", "bundle", "bundle_sha256", "version", "run", "signature")
    facts = {name: getattr(like, name) for name in names} | changes
    with open_ledger(workspace.ledger) as ledger:
        ledger.promote(**facts, attempt=None, reason="", who="mallory")


def altered(workspace: Workspace, like: Promotion) -> dict[str, str]:
    """The bundle with one fact changed, in the store under a key of its own; what a promotion says of it."""
    path = Path(workspace.store) / like.bundle
    data = path.read_bytes().replace(b'"rows": 2000', b'"rows": 2001')
    assert data != path.read_bytes()
    (path.parent / "1.0.0-0000000.json").write_bytes(data)
    return {"bundle": "bundles/parcels/1.0.0-0000000.json", "bundle_sha256": hashlib.sha256(data).hexdigest()}


def test_what_the_key_does_not_vouch_for_is_never_served(workspace: Workspace) -> None:
    """Unsigned, signed with another key, changed together with its hash, or signed as another model: the old
    model stays, the metrics tell, and the next sound promotion is served.
    """
    first = train_and_promote(workspace, seed=1)
    other = train_and_promote(workspace, seed=2)
    promote(workspace, first)
    facts = {"name": other.name, "model": other.model, "bundle": other.bundle, "sha256": other.bundle_sha256}
    bad = [
        {"signature": ""},
        {"signature": sign(b"another key" * 4, **facts)},
        altered(workspace, other),
        {"model": "parcels@1.0.0-ffffff0"},
        {"signature": first.signature},
    ]
    with runtime(workspace, "parcels") as (url, _), httpx.Client(base_url=url) as client:

        def serves(model: str) -> bool:
            reply = client.post("/predict/parcels", json=RECORD).raise_for_status().json()
            return bool(reply["model"] == model)

        for number, changes in enumerate(bad, start=1):
            promote(workspace, other, **changes)
            told = f'pulse_model_swap_failures_total{{model="parcels"}} {number}'
            assert until(lambda told=told: told in client.get("/metrics").text, 2), changes  # type: ignore[misc]
            assert serves(first.model), changes
        promote(workspace, other)
        assert until(lambda: serves(other.model), 1.0)


def test_a_runtime_without_the_key_does_not_start(workspace: Workspace) -> None:
    """Nor with another one: the error says which model, or which file is missing."""
    first = train_and_promote(workspace)
    path = workspace.folder / FILE
    path.write_text("0" * 64)
    with pytest.raises(PulseError) as foreign:
        serve(workspace, ["parcels"], port=0)
    assert foreign.value.code == "bundle.signature"
    assert first.model in foreign.value.message
    path.unlink()
    with pytest.raises(PulseError, match=FILE) as missing:
        serve(workspace, ["parcels"], port=0)
    assert missing.value.code == "signing.no_key"


def test_a_bundle_of_another_workspace_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    """Store and ledger of somebody else, copied here whole, without the key."""
    elsewhere = settings.load(tmp_path / "elsewhere", environ={})
    theirs = train_and_promote(elsewhere)
    train_and_promote(workspace, seed=2)
    here = msgspec.structs.replace(elsewhere, root=workspace.root)
    with pytest.raises(PulseError, match="not promoted with the key") as error:
        serve(here, ["parcels"], port=0)
    assert error.value.code == "bundle.signature"
    assert theirs.model in error.value.message
