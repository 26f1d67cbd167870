"""A model goes from one workspace to the next: what goes with it, what is checked, what a kill leaves behind."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from pulse_blocks import promotion, settings
from pulse_blocks.bundle.signing import sign, signing_key
from pulse_blocks.cli.ports import free_port
from pulse_blocks.cli.services import Service
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.text import render
from pulse_blocks.promotion import Transfer
from pulse_blocks.records import RawBatch, from_json, to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots.layout import chunk_key
from pulse_blocks.stores import open_store
from pulse_blocks.stores.disk import DiskStore
from tests import six_stages
from tests.tiny_project import RECORD, environment, make_project, pulse

# One worker has them all: the model is trained once.
pytestmark = pytest.mark.xdist_group("across")
# MLflow is the slow part: where a test is not about it, both workspaces have the same one.
_FILE = """
[datasources.parcels]
url = "sqlite:///.pulse/parcels.db"
[workspaces.dev]
[workspaces.staging]
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.prod]
[workspaces.shared]
store = ".pulse/workspaces/dev/store"
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.near]
tracking = "sqlite:///.pulse/workspaces/dev/mlflow.db"
[workspaces.same]
ledger = "sqlite:///.pulse/workspaces/dev/ledger.db"
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose workspace dev has a champion. Not to be changed."""
    folder = make_project(tmp_path_factory.mktemp("across") / "project")
    (folder / ".pulse" / settings.FILE).write_text(_FILE)
    six_stages.run(settings.load(folder, {}, "dev"))
    return folder


@pytest.fixture
def root(trained: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(trained, tmp_path / "project"))


def move(root: Path, to: str, data: Literal["copy", "reference"] = "copy", source: str = "dev") -> Transfer:
    """Dev's champion to another workspace, in this process."""
    here, there = (settings.load(root, {}, name) for name in (source, to))
    return promotion.transfer(here, there, "tiny", None, data=data, reason="it is good", who="ann@desk")


def champions(workspace: Workspace) -> list[str]:
    """The models of all promotions, the oldest first."""
    try:
        with open_ledger(workspace.ledger) as ledger:
            return [one.model for one in ledger.promotions("tiny")]
    except PulseError as error:
        assert error.code == "ledger.missing"  # noqa: PT017
        return []


def told(root: Path, *arguments: str, **env: str) -> Any:
    """What a `pulse` process prints as JSON."""
    done = pulse(root, *arguments, "--json", **env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
    with serving(root, "prod") as url:
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


def versions(workspace: Workspace) -> list[tuple[str, str]]:
    """Of MLflow's versions: the model, and where it was trained; the champion's alias is on the last."""
    from mlflow import MlflowClient

    client = MlflowClient(workspace.tracking, registry_uri=workspace.tracking)
    found = client.search_model_versions("name='tiny'")
    assert client.get_model_version_by_alias("tiny", "champion").version == found[0].version
    runs = [client.get_run(one.run_id) for one in found]
    return [
        (one.tags["pulse.model"], run.data.tags["pulse.trained_in"])
        for one, run in zip(found, runs, strict=True)
    ]


@contextmanager
def serving(root: Path, workspace: str) -> Iterator[str]:
    """The runtime of a workspace as a process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    service = Service(
        "The runtime",
        [
            sys.executable,
            "-m",
            "pulse_blocks",
            "--workspace",
            workspace,
            "serve",
            "tiny",
            "--port",
            str(port),
        ],
        log=root / "runtime.log",
        env=environment(root),
        url=url,
        ready=f"{url}/readyz",
    )
    try:
        service.wait_ready(60)
        yield url
    finally:
        service.stop()


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


def test_garbage_of_one_is_no_garbage_of_the_other(root: Path) -> None:
    """In a shared store what a run of dev still needs stays, whoever collects; what nobody needs goes."""
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


_KILLED = """
import os, signal, sys
from pathlib import Path
from pulse_blocks import promotion, settings
from pulse_blocks.ledger.ledger import Ledger
from pulse_blocks.stores.disk import DiskStore
from pulse_blocks.tracking import Tracking

root, to, step = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
owner, method, when, number = {
    "first file": (DiskStore, "put", "after", 1),
    "third file": (DiskStore, "put", "before", 3),
    "manifest": (DiskStore, "create", "after", 1),
    "bundle": (DiskStore, "create", "after", 2),
    "run opened": (Tracking, "open_run", "after", 1),
    "registered": (Tracking, "register", "after", 1),
    "first record": (Ledger, "finish_stage", "after", 1),
    "promoting": (Ledger, "promote", "before", 1),
    "promoted": (Ledger, "promote", "after", 1),
    "ending": (Ledger, "end", "before", 1),
}[step]
real, calls = getattr(owner, method), []

def killing(self, *args, **kwargs):
    calls.append(method)
    if when == "before" and len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(self, *args, **kwargs)
    if len(calls) == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, method, killing)
here, there = (settings.load(root, {}, name) for name in ("dev", to))
promotion.transfer(here, there, "tiny", None, data="copy", reason="it is good", who="ann@desk")
"""
_LONG = [
    pytest.param(step, marks=pytest.mark.long)
    for step in ("first file", "third file", "manifest", "first record", "ending")
]


def killed(root: Path, to: str, step: str) -> None:
    """Promote as a process that kills itself at a step."""
    command = [sys.executable, "-c", _KILLED, str(root), to, step]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr.decode()


@pytest.mark.parametrize("step", ["bundle", "promoting", "promoted", *_LONG])
def test_killed_on_the_way(root: Path, step: str) -> None:
    """The same again ends it: one promotion, one arrival, and everything holds."""
    killed(root, "near", step)
    near = settings.load(root, {}, "near")
    assert len(champions(near)) == (1 if step in ("promoted", "ending") else 0)
    assert move(root, "near").moved
    with open_ledger(near.ledger) as ledger:
        assert len(ledger.promotions("tiny")) == 1
        assert len(ledger.stage_rows("tiny@", "arrive")) == 1
        assert [one.action for one in ledger.audit_rows()] == ["model.promote"]
        assert [one.state for one in ledger.newest_attempts()] == ["completed"]
    assert pulse(root, "audit", "verify", "--workspace", "near").returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("step", ["run opened", "registered"])
def test_killed_while_it_is_registered(root: Path, step: str) -> None:
    """One run and one version in the target's MLflow, whatever the first try had made of it."""
    killed(root, "prod", step)
    prod = settings.load(root, {}, "prod")
    done = move(root, "prod")
    assert champions(prod) == [done.model]
    assert versions(prod) == [(done.model, "dev")]
