"""A file of a later version of Pulse is refused in one way, whatever kind it is, and stays as it is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pulse_blocks import archive, bundle, ledger
from pulse_blocks.archive import columns, moving
from pulse_blocks.errors import ProtocolError, PulseError
from pulse_blocks.ledger.migrating import engine_of
from pulse_blocks.protocol import loading
from pulse_blocks.records import to_json
from pulse_blocks.settings import Workspace
from pulse_blocks.snapshots import layout, reading
from pulse_blocks.snapshots.sealing import seal
from pulse_blocks.stores import open_store
from pulse_blocks.training.checkpoints import Checkpoints
from pulse_blocks.training.growth import Grown
from tests.lineage_world import World
from tests.old_inferences import NOW, old
from tests.tiny_project import PROTOCOL


def refused(code: str, read: Any, *arguments: Any) -> None:
    """The one sentence, with the way out."""
    with pytest.raises(PulseError) as error:
        read(*arguments)
    assert error.value.code == code
    assert error.value.hint
    assert "Upgrade pulse-blocks" in error.value.hint
    assert "delete" not in str(error.value).lower()


def of_format(data: bytes, number: int) -> bytes:
    """A record in JSON as a later version might write it: another number, and a field that nobody knows."""
    fields = msgspec.json.decode(data)
    return msgspec.json.encode({**fields, "format": number, "later": True})


def test_a_manifest(tmp_path: Path) -> None:
    """It is no damage: nobody is told to delete it."""
    world = World(tmp_path)
    key = layout.manifest_key(world.snapshot().id)
    data = of_format(world.store.get(key), 2)
    world.store.put(key, data)
    refused("snapshot.newer", reading.load, world.store, key.split("/")[1])
    assert world.store.get(key) == data


def test_a_bundle(tmp_path: Path) -> None:
    """The runtime refuses it, whatever else is in it."""
    world = World(tmp_path)
    snapshot = world.snapshot()
    stored = world.keep(world.train(snapshot), snapshot)
    data = of_format(world.store.get(stored.bundle), 2)
    world.store.put(stored.bundle, data)
    refused("bundle.newer", bundle.load, world.store, stored.bundle, hashlib.sha256(data).hexdigest())


def test_a_protocol() -> None:
    """One problem, with its place: what else is strange in it may be sound in that version."""
    text = PROTOCOL.replace("pulse: 1", "pulse: 2").replace("on_invalid:", "on_unsound:")
    with pytest.raises(ProtocolError) as error:
        loading.loads(text)
    (problem,) = error.value.problems
    assert (problem.code, problem.line, problem.column) == ("protocol.newer", 1, 8)
    for other in ("0", "'2'", "true", "1.5"):
        with pytest.raises(ProtocolError) as error:
            loading.loads(PROTOCOL.replace("pulse: 1", f"pulse: {other}"))
        assert [one.code for one in error.value.problems] != ["protocol.newer"]


def test_an_archive(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number is in the footer; one without a number is of the first format."""
    ledger.migrate(workspace.ledger)
    store = open_store(workspace.store)
    with ledger.open_ledger(workspace.ledger) as found:
        found.append(old(20, 130))
        with monkeypatch.context() as patch:
            patch.setattr(columns, "FORMAT_KEY", b"another")
            moving.move(found, store, "tiny", NOW)
        (first,) = found.inference_files()
        assert len(list(archive.inferences(store, first))) == 20
        found.append(old(20, 120))
        monkeypatch.setattr(columns, "FORMAT", 2)
        # What has been written is read again before anything is deleted.
        moving.move(found, store, "tiny", NOW)
        (later,) = (one for one in found.inference_files() if one.key != first.key)
        monkeypatch.setattr(columns, "FORMAT", 1)
        refused("archive.newer", list, archive.inferences(store, later))


def test_a_checkpoint(workspace: Workspace) -> None:
    """A fit that a later version has begun is not taken up by halves."""
    store = open_store(workspace.store)
    checkpoints = Checkpoints(store, "a" * 64)
    checkpoints.save(Grown(rounds=7))
    assert checkpoints.latest() == Grown(rounds=7)
    (key,) = store.keys("unfinished/")
    store.put(key, seal(of_format(to_json(Grown(rounds=7)), 2)))
    refused("training.newer", checkpoints.latest)


def test_a_ledger(any_ledger: Workspace) -> None:
    """Neither reading nor migrating it begins anything."""
    ledger.migrate(any_ledger.ledger)
    with engine_of(any_ledger.ledger).begin() as connection:
        connection.exec_driver_sql("update alembic_version set version_num = '9999'")
    refused("ledger.newer", ledger.open_ledger, any_ledger.ledger)
    refused("ledger.newer", ledger.migrate, any_ledger.ledger)
