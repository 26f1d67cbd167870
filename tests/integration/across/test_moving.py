"""A model goes from one workspace to the next: what goes with it, and what is checked."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.signing import sign, signing_key
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.text import render
from pulse_blocks.records import RawBatch, from_json, to_json
from pulse_blocks.snapshots.layout import chunk_key
from pulse_blocks.stores import open_store
from pulse_blocks.stores.disk import DiskStore
from tests.served_project import serving
from tests.several_workspaces import champions, move, told, versions
from tests.tiny_project import RECORD, pulse

# One worker has them all: the model is trained once.
pytestmark = pytest.mark.xdist_group("across")


def test_from_dev_to_staging_to_prod(root: Path) -> None:
    """A prediction in prod is traced to the snapshot that dev took, and all of prod holds when it is audited."""
    why = ("--reason", "the pilot was good")
    first = told(root, "--workspace", "dev", "promote", "tiny", "--to", "staging", *why)
    assert (first["source"], first["target"], first["data"], first["moved"]) == (
        "dev",
        "staging",
        "copied",
        True,
    )
    assert "shares its MLflow with dev" in first["alias_lags"]
    second = told(root, "promote", "tiny", first["model"], "--to", "prod", *why, "--workspace", "staging")
    assert (second["model"], second["previous"], second["alias_lags"]) == (first["model"], None, None)
    with serving(root, "tiny", "--workspace", "prod") as url:
        reply = told(root, "predict", "tiny", json.dumps(RECORD), "--url", url)
    prod, dev = (settings.load(root, {}, name) for name in ("prod", "dev"))
    tree = pulse(root, "lineage", reply["inference_id"], "--workspace", "prod").stdout
    assert f"├── Model: {first['model']}\n" in tree
    assert "Promoted From: dev → staging at " in tree
    assert "Reason: the pilot was good" in tree
    there, here = (trace(one, first["model"]).children for one in (dev, prod))
    assert [one.id for one in here] == [one.id for one in there]
    assert here[-1].facts == there[-1].facts
    told(root, "audit", "verify", "--workspace", "prod")
    with open_ledger(prod.ledger) as ledger:
        (row,) = [one for one in ledger.audit_rows() if one.action == "model.promote"]
    assert "from staging: the pilot was good" in row.details
    again = told(root, "--workspace", "staging", "promote", "tiny", "--to", "prod")
    assert not again["moved"]
    assert champions(prod) == [first["model"]]
    assert versions(prod) == [(first["model"], "staging")]


def test_rows_may_stay_where_they_are(root: Path) -> None:
    """By reference no chunk is copied. Lineage says where they are, the audit looks there, and says what is gone."""
    done = move(root, "near", "reference")
    near, dev = (settings.load(root, {}, name) for name in ("near", "dev"))
    assert (done.data, list(open_store(near.store).keys("chunks/"))) == ("reference", [])
    assert f"Kept: by reference in {dev.store}, the store of the workspace dev" in render(
        trace(near, done.model)
    )
    assert pulse(root, "audit", "verify", "--workspace", "near").returncode == 0
    assert pulse(root, "snapshot", "verify", "--workspace", "near").returncode == 0
    for key in list(open_store(dev.store).keys("chunks/")):
        open_store(dev.store).delete(key)
    audited = pulse(root, "audit", "verify", "--workspace", "near")
    assert audited.returncode == 1
    assert "Its rows are by reference in the workspace dev. Chunk " in audited.stdout
    assert trace(near, done.model).id == done.model


def test_a_shared_store_is_not_copied(root: Path) -> None:
    """What both see is where it was, to the last file; the next one on the way gets its own copy."""
    store = open_store(settings.load(root, {}, "dev").store)
    before = list(store.entries())
    done = move(root, "shared")
    assert (done.data, done.new_bytes) == ("shared", 0)
    assert list(store.entries()) == before
    assert move(root, "near", source="shared").data == "copied"
    near = settings.load(root, {}, "near")
    assert "Promoted From: dev → shared" in render(trace(near, done.model))


@pytest.mark.parametrize("written", ["{0}", "file://{0}/", "{1}/.pulse/link"])
def test_garbage_of_one_is_no_garbage_of_the_other(root: Path, written: str) -> None:
    """In a shared store what a run of dev still needs stays, whoever collects; what nobody needs goes. How a workspace
    writes the store makes no difference.
    """
    (root / ".pulse" / "link").symlink_to(root / ".pulse" / "workspaces" / "dev" / "store")
    file = root / ".pulse" / "workspace.toml"
    known = 'store = ".pulse/workspaces/dev/store"'
    assert known in file.read_text()
    other = written.format(root / ".pulse" / "workspaces" / "dev" / "store", root)
    file.write_text(file.read_text().replace(known, f'store = "{other}"'))
    dev = settings.load(root, {}, "dev")
    move(root, "shared")
    store, needless = open_store(dev.store), chunk_key("f" * 64)
    with open_ledger(dev.ledger) as ledger:
        raw = from_json(ledger.stage_rows("", "ingest")[0].record, RawBatch)
        chunk = msgspec.structs.replace(raw.chunks[0], sha256="e" * 64)
        begun = msgspec.structs.replace(raw, chunks=(chunk,), content="e" * 64)
        ledger.finish_stage(ledger.begin("tiny", "begun").id, "ingest", begun.content, to_json(begun), 1.0)
    for key in (chunk_key(chunk.sha256), needless):
        store.put(key, b"rows")
    told(root, "snapshot", "gc", "--delete", "--grace", "0", "--workspace", "shared")
    assert store.size(chunk_key(chunk.sha256)) == 4
    assert store.size(needless) is None
    assert pulse(root, "audit", "verify", "--workspace", "shared").returncode == 0


@pytest.mark.parametrize("kind", ["bundles/", "models/", "snapshots/", "chunks/", "validation/", "smoke"])
def test_a_byte_that_changed_before_it_left_goes_nowhere(root: Path, kind: str) -> None:
    """Whatever file it is in: a clear refusal, and nobody is champion there."""
    dev, near = (settings.load(root, {}, name) for name in ("dev", "near"))
    store = open_store(dev.store)
    files = [entry.key for entry in store.entries()]
    keys = [key for key in files if kind in key and not key.endswith((".html", "curves.json"))]
    assert keys
    for key in keys:
        path = Path(store.locate(key))
        whole = path.read_bytes()
        path.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
        with pytest.raises(PulseError) as refused:
            move(root, "near")
        assert refused.value.code.split(".")[0] in ("promotion", "bundle", "snapshot", "validation"), key
        assert champions(near) == []
        path.write_bytes(whole)
    assert move(root, "near").moved


def test_a_byte_that_changes_on_the_way_is_found(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the target's store gives back is not what was sent: refused, file by file."""
    near = settings.load(root, {}, "near")
    sent: list[str] = []

    def breaking(real: Callable[..., Any]) -> Callable[..., Any]:
        def write(store: DiskStore, key: str, data: bytes) -> Any:
            sent.append(key)
            return real(store, key, data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])

        return write

    for name in ("put", "create"):
        with monkeypatch.context() as patch:
            patch.setattr(DiskStore, name, breaking(getattr(DiskStore, name)))
            with pytest.raises(PulseError, match="did not arrive as it was sent"):
                move(root, "near")
        assert champions(near) == []
        for key in sent:
            open_store(near.store).delete(key)
        sent.clear()
    assert move(root, "near").moved


def test_a_forged_champion_goes_nowhere(root: Path) -> None:
    """One that was not promoted with dev's key is refused, and so is a workspace without the key of its own."""
    near = settings.load(root, {}, "near")
    file = settings.load(root, {}, "dev").folder / "signing.key"
    file.write_text("0" * 64)
    with pytest.raises(PulseError) as refused:
        move(root, "near")
    assert refused.value.code == "bundle.signature"
    assert champions(near) == []


def test_the_target_signs_with_its_own_key(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PULSE_SIGNING_KEY is the key of the workspace in use; that of another has its name in the variable."""
    theirs = "n" * 64
    monkeypatch.setenv("PULSE_SIGNING_KEY_NEAR", theirs)
    done = move(root, "near")
    with open_ledger(settings.load(root, {}, "near").ledger) as ledger:
        champion = ledger.champion("tiny")
    assert champion
    facts = {"name": "tiny", "model": done.model, "bundle": champion.bundle, "sha256": champion.bundle_sha256}
    assert champion.signature == sign(theirs.encode(), **facts)
    assert champion.signature != sign(signing_key(settings.load(root, {}, "dev")), **facts)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tiny", "--to", "same"], "promotion.same_workspace"),
        (["tiny", "--to", "dev"], "promotion.same_workspace"),
        (["tiny", "--to", "nowhere"], "workspace.unknown"),
        (["huge", "--to", "near"], "promotion.no_champion"),
        (["tiny", "tiny@9.9.9", "--to", "near"], "promotion.unknown_model"),
        (["tiny"], "usage"),
    ],
)
def test_what_cannot_be_moved(root: Path, arguments: list[str], code: str) -> None:
    """One clear refusal, and no workspace is begun."""
    done = pulse(root, "promote", *arguments, "--workspace", "dev", "--json")
    assert json.loads(done.stdout)["error"]["code"] == code
    assert not (root / ".pulse" / "workspaces" / "near" / "ledger.db").exists()


def test_a_variable_of_one_workspace_does_not_lead_into_the_other(root: Path) -> None:
    """PULSE_LEDGER is about the workspace in use: the target's places are those of the file."""
    dev, near = (settings.load(root, {}, name) for name in ("dev", "near"))
    env = {"PULSE_LEDGER": dev.ledger, "PULSE_STORE": dev.store, "PULSE_TRACKING": dev.tracking}
    assert told(root, "--workspace", "dev", "promote", "tiny", "--to", "near", **env)["moved"]
    assert len(champions(near)) == len(champions(dev)) == 1
