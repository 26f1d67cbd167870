"""Checkpoints: a fit that was killed goes on to the same trees, and what is kept for it is gone afterwards."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, ValidatedData, from_json, to_json
from pulse_blocks.stores import Store, open_store
from pulse_blocks.training import Fitted, fit
from pulse_blocks.training.checkpoints import Checkpoints
from pulse_blocks.training.execution import Execution
from pulse_blocks.training.growth import Grown
from pulse_blocks.training.unfinished import remove
from pulse_blocks.validation import validate
from tests import small_data
from tests.tiny_project import ROOT

ROWS = 3000
BASE = {"seed": 3, "rounds": 30, "metrics": ["roc_auc"], "split": {"by": "random"}}
DRAWN = {"num_leaves": 7, "bagging_fraction": 0.6, "bagging_freq": 1, "feature_fraction": 0.6}


class KilledError(BaseException):
    """Stands for the end of a process after a checkpoint."""


def inputs(
    store: Store, rows: int = ROWS, **training: Any
) -> tuple[Protocol, Snapshot, ValidatedData, Store]:
    contract = small_data.protocol(training={**BASE, "params": DRAWN, **training})
    snapshot = small_data.snapshot_of(store, contract, small_data.columns(rows))
    return contract, snapshot, validate(contract, snapshot, store), store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"))


def finished(given: Any) -> Fitted:
    """Fit, and let go of what was kept for a fit that does not end."""
    found = fit(*given)
    remove(given[3], found.unfinished)
    return found


def interrupted(given: Any, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Fit, and end after so many checkpoints."""
    save, saved = Checkpoints.save, []

    def then_end(self: Checkpoints, state: Grown) -> None:
        save(self, state)
        saved.append(state)
        if len(saved) == after:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", then_end)
        with pytest.raises(KilledError):
            fit(*given)


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"rounds": 200, "early_stopping": {"rounds": 12}, "weights": "balanced"},
        # Many rounds find no split here, and add no tree.
        {"rounds": 200, "early_stopping": {"rounds": 30}, "params": {**DRAWN, "min_gain_to_split": 2}},
        {"params": {**DRAWN, "data_sample_strategy": "goss", "bagging_freq": 0, "bagging_fraction": 1.0}},
        {"params": {**DRAWN, "extra_trees": True, "max_bin": 31}},
    ],
    ids=["drawn", "stopped", "sparse", "goss", "extra"],
)
def test_goes_on_to_the_same_model(
    store: Store, monkeypatch: pytest.MonkeyPatch, training: dict[str, Any]
) -> None:
    """Interrupted after the first and again after the next checkpoint: text and history are the undisturbed ones."""
    given = inputs(store, checkpoint=7, **training)
    undisturbed = finished(given)
    assert not list(store.keys("unfinished/"))
    interrupted(given, monkeypatch, 1)
    interrupted(given, monkeypatch, 1)
    assert len(list(store.keys("unfinished/"))) == 1
    found = finished(given)
    assert (found.text, found.history, found.rounds) == (
        undisturbed.text,
        undisturbed.history,
        undisturbed.rounds,
    )
    assert not list(store.keys("unfinished/"))


@pytest.mark.parametrize(
    ("task", "target", "label"),
    [
        ("multiclass-classification", {"name": "zone", "type": "category", "values": [1, 2, 3]}, "zone"),
        ("regression", {"name": "risk", "type": "float"}, "distance"),
    ],
)
def test_every_task(
    store: Store, monkeypatch: pytest.MonkeyPatch, task: str, target: dict[str, Any], label: str
) -> None:
    """Several classes and values too: scores of each class are taken up where they were."""
    values = small_data.columns(ROWS)
    values[target["name"]] = values[label]
    contract = small_data.protocol(
        task=task,
        target=target,
        columns={},
        training={**BASE, "params": DRAWN, "metrics": [], "checkpoint": 7},
    )
    snapshot = small_data.snapshot_of(store, contract, values)
    given = (contract, snapshot, validate(contract, snapshot, store), store)
    undisturbed = finished(given)
    interrupted(given, monkeypatch, 2)
    assert finished(given).text == undisturbed.text


def test_kept_until_the_model_is(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that ends while its model is judged goes on from its last checkpoint, and grows the last rounds only."""
    given = inputs(store, checkpoint=7)
    undisturbed = finished(given)
    with monkeypatch.context() as patched:
        patched.setattr("pulse_blocks.training.judging.judged", end)
        with pytest.raises(KilledError):
            fit(*given)
    (key,) = store.keys("unfinished/")
    assert from_json(store.get(key), Grown).rounds == 28
    assert finished(given).text == undisturbed.text
    assert not list(store.keys("unfinished/"))


def end(*_: Any) -> None:
    raise KilledError


def test_who_only_reads_leaves_them_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit without checkpoints grows every tree anew, in the same stretches, and writes and removes nothing."""
    given = inputs(store, checkpoint=7)
    undisturbed = finished(given)
    interrupted(given, monkeypatch, 2)
    before = {key: store.get(key) for key in store.keys("unfinished/")}
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "latest", end)
        found = fit(*given, execution=Execution(checkpoints=False))
    assert found.text == undisturbed.text
    assert {key: store.get(key) for key in store.keys("unfinished/")} == before


def test_without_random_numbers_as_without_checkpoints(store: Store) -> None:
    """Where nothing is drawn, a fit in stretches grows the trees of one in a single stretch."""
    given = inputs(store, params={"num_leaves": 7})
    whole = fit(*given)
    assert fit(*inputs(store, params={"num_leaves": 7}, checkpoint=4)).trees == whole.trees


def test_a_damaged_checkpoint_does_not_count(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flipped byte in it begins the fit anew instead of spoiling it."""
    given = inputs(store, checkpoint=7)
    undisturbed = finished(given)
    interrupted(given, monkeypatch, 2)
    (key,) = store.keys("unfinished/")
    data = bytearray(store.get(key))
    data[len(data) // 2] ^= 1
    store.put(key, bytes(data))
    assert finished(given).text == undisturbed.text


def test_another_protocol_does_not_take_it_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides the trees is in the key: another parameter starts from nothing."""
    interrupted(inputs(store, checkpoint=7), monkeypatch, 1)
    given = inputs(store, checkpoint=7, params={**DRAWN, "num_leaves": 5})
    found = finished(given)
    interrupted(given, monkeypatch, 1)
    assert finished(given).text == found.text
    assert len(list(store.keys("unfinished/"))) == 1


FIT = """
import sys
from pathlib import Path
from pulse_blocks.records import Snapshot, ValidatedData, from_json
from pulse_blocks.protocol import spec
from pulse_blocks.stores import open_store
from pulse_blocks.training import fit
folder = Path(sys.argv[1])
read = lambda name: (folder / name).read_bytes()
found = fit(
    spec.from_json(read("protocol")), from_json(read("snapshot"), Snapshot),
    from_json(read("validated"), ValidatedData), open_store(str(folder / "store")),
)
(folder / "trees").write_text(found.trees)
"""


@pytest.mark.long
def test_killed_for_real(tmp_path: Path) -> None:
    """Killed by -9 once a checkpoint is there, and again: the next process ends with the same trees."""
    from pulse_blocks.protocol import spec

    store = open_store(str(tmp_path / "store"))
    contract, snapshot, validated, _ = inputs(store, 20_000, rounds=240, checkpoint=20)
    expected = finished((contract, snapshot, validated, store))
    (tmp_path / "protocol").write_bytes(spec.to_json(contract))
    (tmp_path / "snapshot").write_bytes(to_json(snapshot))
    (tmp_path / "validated").write_bytes(to_json(validated))
    assert from_json((tmp_path / "snapshot").read_bytes(), Snapshot) == snapshot
    seen: set[str] = set()
    killed = 0
    for _ in range(2):
        process = subprocess.Popen([sys.executable, "-c", FIT, str(tmp_path)], cwd=ROOT)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            there = set(store.keys("unfinished/"))
            if there - seen:
                seen |= there
                process.kill()
                killed += 1
            time.sleep(0.005)
        process.wait()
    assert killed
    subprocess.run([sys.executable, "-c", FIT, str(tmp_path)], cwd=ROOT, check=True, timeout=100)
    assert (tmp_path / "trees").read_text() == expected.trees
