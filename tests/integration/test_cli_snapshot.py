"""``pulse snapshot create``, ``diff``, ``restore`` and ``gc`` on a project that trains."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks import settings
from pulse_blocks.cli import main
from pulse_blocks.ledger import open_ledger
from pulse_blocks.lineage import trace
from pulse_blocks.lineage.text import render
from pulse_blocks.settings import Workspace
from pulse_blocks.stores import open_store
from tests import six_stages
from tests.tiny_project import PROTOCOL, make_project

HOURS = 3 * 3600


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The tiny project, where every command works."""
    folder = make_project(tmp_path / "project")
    monkeypatch.setenv("PULSE_ROOT", str(folder))
    monkeypatch.chdir(folder)
    return settings.load()


class Pulse:
    """Commands in this process, and what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run one, and expect its exit code."""
        self._capsys.readouterr()
        found = main.run(list(words))
        out, err = self._capsys.readouterr()
        assert found == code, err
        return out if code == 0 else err

    def json(self, *words: str) -> Any:
        """What it prints with --json."""
        return json.loads(self(*words, "--json"))


@pytest.fixture
def pulse(capsys: pytest.CaptureFixture[str]) -> Pulse:
    """``pulse``."""
    return Pulse(capsys)


def change(workspace: Workspace, *statements: str) -> None:
    """Change the source."""
    with sqlite3.connect(workspace.folder / "parcels.db") as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def age(workspace: Workspace, prefix: str, seconds: float = HOURS) -> None:
    """Let files be older than they are."""
    for path in (Path(workspace.store) / prefix).rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_create_says_what_it_made(project: Workspace, pulse: Pulse) -> None:
    """The second time nothing is new; nothing is trained, and no ledger is needed."""
    first = pulse.json("snapshot", "create", "tiny")
    assert first["snapshot"].startswith("snap_")
    assert first["hash"].startswith(first["snapshot"].removeprefix("snap_"))
    assert (first["rows"], first["existed"]) == (3000, False)
    assert first["new_bytes"] > 10_000
    again = pulse.json("snapshot", "create", "tiny")
    assert (again["snapshot"], again["new_bytes"], again["existed"]) == (first["snapshot"], 0, True)
    assert "there already" in pulse("snapshot", "create", "tiny")
    part = pulse.json("snapshot", "create", "tiny", "--start", "2026-01-01", "--end", "2026-01-10")
    assert part["rows"] < 1000
    assert not (project.folder / "ledger.db").exists()


def test_diff_tells_rows_and_columns(project: Workspace, pulse: Pulse) -> None:
    """In text and in JSON, with the values that changed."""
    before = pulse.json("snapshot", "create", "tiny")["snapshot"]
    change(
        project,
        "update parcels set weight = 49.5 where parcel = 'p000007'",
        "delete from parcels where parcel = 'p000009'",
        "insert into parcels values ('q1', '2026-01-02 00:00:00', 1.0, null, 'van', 1, 0)",
    )
    after = pulse.json("snapshot", "create", "tiny")["snapshot"]
    found = pulse.json("snapshot", "diff", before, after)
    assert (found["added"], found["removed"], found["changed"], found["key"]) == (1, 1, 1, ["parcel"])
    assert found["examples"]["changed"][0]["after"] == {"weight": 49.5}
    text = pulse("snapshot", "diff", before[:10], after)
    assert "compared by parcel" in text
    assert "parcel=p000007: weight" in text
    assert "→ 49.5" in text


def test_a_restored_snapshot_is_the_training_data(project: Workspace, pulse: Pulse) -> None:
    """The next run trains on it, whatever the source holds, and its lineage says so; --undo ends it."""
    first = six_stages.run(project)
    change(project, "delete from parcels where parcel > 'p002000'")
    second = six_stages.run(project)
    assert second.taken.id != first.taken.id
    told = pulse.json("snapshot", "restore", first.taken.id)
    assert (told["protocol"], told["snapshot"]) == ("tiny", first.taken.id)
    (project.folder / "parcels.db").rename(project.folder / "gone.db")
    third = six_stages.run(project)
    assert third.raw.restored == third.taken.id == first.taken.id
    assert third.model.trees == first.model.trees
    assert third.taken.new_bytes == 0
    tree = render(trace(project, third.model.run))
    assert f"Restored Data: {first.taken.id} by " in tree
    assert "Restored Data" not in render(trace(project, second.model.run))
    (project.folder / "gone.db").rename(project.folder / "parcels.db")
    assert pulse.json("snapshot", "restore", "tiny", "--undo")["undone"] == first.taken.id
    assert "Nothing was restored" in pulse("snapshot", "restore", first.taken.id, "--undo")
    assert six_stages.run(project).taken.id == second.taken.id


def test_a_shared_snapshot_is_restored_for_the_protocol_that_is_named(
    project: Workspace, pulse: Pulse
) -> None:
    """Two protocols with the same rows have one snapshot: neither is guessed, and each has a pointer of its own."""
    (project.protocols / "twin.yaml").write_text(PROTOCOL.replace("name: tiny", "name: twin"))
    shared = six_stages.run(project).taken.id
    assert pulse.json("snapshot", "restore", shared)["protocol"] == "tiny"
    pulse("snapshot", "restore", shared, "--undo")
    assert six_stages.run(project, "twin").taken.id == shared
    for command in ((shared,), (shared, "--undo")):
        said = pulse("snapshot", "restore", *command, code=1)
        assert f"{shared} is the data of 2 protocols: tiny, twin." in said
        assert "--protocol NAME" in said
    change(project, "delete from parcels where parcel > 'p002000'")
    told = pulse.json("snapshot", "restore", shared, "--protocol", "twin")
    assert (told["protocol"], told["snapshot"]) == ("twin", shared)
    assert six_stages.run(project, "twin").raw.restored == shared
    assert six_stages.run(project).raw.restored is None
    assert pulse.json("snapshot", "restore", shared, "--undo")["protocol"] == "twin"
    assert six_stages.run(project, "twin").taken.id != shared
    for name in ("tiny", "twin"):
        pulse("snapshot", "restore", shared, "--protocol", name)
    assert "tiny, twin" in pulse("snapshot", "restore", shared, "--undo", code=1)
    assert pulse.json("snapshot", "restore", shared, "--undo", "--protocol", "tiny")["undone"] == shared
    assert pulse.json("snapshot", "restore", shared, "--undo")["protocol"] == "twin"


def test_a_snapshot_is_restored_only_for_a_protocol_that_can_train_on_it(
    project: Workspace, pulse: Pulse
) -> None:
    """Told before a run would find out: its columns must be there, and the protocol itself."""
    taken = pulse.json("snapshot", "create", "tiny")["snapshot"]
    wider = PROTOCOL.replace("name: tiny", "name: wide").replace(
        "  express: {type: bool}", "  express: {type: bool}\n  fragile: {type: bool}"
    )
    (project.protocols / "wide.yaml").write_text(wider)
    said = pulse("snapshot", "restore", taken, "--protocol", "wide", code=1)
    assert f"{taken} lacks columns of the protocol wide: fragile." in said
    assert "There is no protocol" in pulse("snapshot", "restore", taken, "--protocol", "none", code=1)
    with open_ledger(project.ledger) as ledger:
        assert ledger.restored_snapshots() == {}


def test_a_snapshot_with_holes_is_not_restored(project: Workspace, pulse: Pulse) -> None:
    """It says so before a run would find out; neither is one that is not there."""
    taken = pulse.json("snapshot", "create", "tiny")["snapshot"]
    store = open_store(project.store)
    key = next(store.keys("chunks/"))
    store.delete(key)
    assert "1 of its 1 chunks" in pulse("snapshot", "restore", taken, code=1)
    assert "no snapshot" in pulse("snapshot", "restore", "snap_000000000000", code=1)


def test_gc_takes_what_nothing_needs(project: Workspace, pulse: Pulse) -> None:
    """Dry at first; then chunks without a manifest, parts without one, models without a bundle, half writes."""
    outcome = six_stages.run(project)
    store = open_store(project.store)
    needed = list(store.keys())
    orphans = {
        f"chunks/aa/{'aa' * 32}.parquet",
        "snapshots/snap_0123456789ab/sample.parquet",
        f"models/{'bb' * 32}.txt",
    }
    for key in orphans:
        store.put(key, b"12345")
    (Path(project.store) / "chunks" / "aa" / ".0123456789abcdef.tmp").write_bytes(b"123")
    young = pulse.json("snapshot", "gc")
    assert (young["garbage"], young["young"], young["bytes"]) == ([], 3, 0)
    age(project, "")
    dry = pulse.json("snapshot", "gc")
    assert {one["key"] for one in dry["garbage"]} == orphans
    assert (dry["deleted"], dry["bytes"], dry["unfinished"]) == (False, 18, 3)
    assert "--delete frees 18 B" in pulse("snapshot", "gc")
    assert set(store.keys()) == {*needed, *orphans}
    done = pulse.json("snapshot", "gc", "--delete")
    assert (done["deleted"], done["bytes"], done["objects"]) == (True, 18, 3)
    assert list(store.keys()) == needed
    assert six_stages.run(project).model.trees == outcome.model.trees


def test_gc_takes_training_that_nobody_goes_on_with(project: Workspace, pulse: Pulse) -> None:
    """All that is kept of one fit, 14 days after its last checkpoint; a fit with a younger one stays whole."""
    store = open_store(project.store)
    left, going = f"unfinished/{'a' * 64}", f"unfinished/{'b' * 64}"
    for key in (f"{left}/00000010.json", f"{going}/00000010.json"):
        store.put(key, b"{}")
    age(project, "unfinished", 13 * 86_400)
    assert pulse.json("snapshot", "gc", "--delete", "--grace", "0")["objects"] == 0
    age(project, "unfinished", 15 * 86_400)
    store.put(f"{going}/00000020.json", b"{}")
    (found,) = pulse.json("snapshot", "gc", "--delete")["garbage"]
    assert (found["kind"], found["key"]) == ("unfinished training", f"{left}/00000010.json")
    assert [key for key in store.keys("unfinished/") if key.startswith(left)] == []
    assert len(list(store.keys(f"{going}/"))) == 2


def test_gc_keeps_what_a_model_stands_on_even_without_its_manifest(project: Workspace, pulse: Pulse) -> None:
    """The ledger knows the chunks: the snapshot can be made again by whoever has its manifest."""
    outcome = six_stages.run(project)
    store = open_store(project.store)
    store.delete(f"snapshots/{outcome.taken.id}/manifest.json")
    age(project, "")
    assert pulse.json("snapshot", "gc", "--unused", "0s")["garbage"] == []


def test_gc_of_unused_snapshots(project: Workspace, pulse: Pulse) -> None:
    """Old ones go on which nothing stands; not a model's, not a restored one, not the newest."""
    six_stages.run(project)
    made = []
    for number in range(3):
        change(project, f"delete from parcels where parcel = 'p00000{number}'")  # noqa: S608 - a number of ours
        made.append(pulse.json("snapshot", "create", "tiny")["snapshot"])
    pulse("snapshot", "restore", made[1])
    time.sleep(1.1)  # the newest is known by its second
    change(project, "delete from parcels where parcel = 'p000005'")
    made.append(pulse.json("snapshot", "create", "tiny")["snapshot"])
    age(project, "")
    assert pulse.json("snapshot", "gc", "--unused", "90d")["snapshots"] == []
    done = pulse.json("snapshot", "gc", "--unused", "0s", "--delete")
    assert set(done["snapshots"]) == {made[0], made[2]}
    left = {one["snapshot"] for one in pulse.json("snapshot", "list")}
    assert left & set(made) == {made[1], made[3]}
    assert len(left) == 3
    assert all(report["ok"] for report in pulse.json("snapshot", "verify"))


def test_gc_deletes_nothing_where_it_cannot_know(project: Workspace, pulse: Pulse) -> None:
    """A manifest that cannot be read may name anything."""
    taken = pulse.json("snapshot", "create", "tiny")["snapshot"]
    path = Path(project.store) / "snapshots" / taken / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"parcels", b"parcelz"))
    age(project, "")
    assert "checksum" in pulse("snapshot", "gc", "--delete", code=1)
    assert list(open_store(project.store).keys("chunks/"))
    assert "is no duration" in pulse("snapshot", "gc", "--grace", "soon", code=2)
