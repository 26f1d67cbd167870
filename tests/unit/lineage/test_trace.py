"""From ids to trees, and what is said where something is missing."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from pulse_blocks import settings
from pulse_blocks.bundle.files import key_of
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger.rows import CACHED
from pulse_blocks.lineage import Node, trace
from pulse_blocks.lineage.text import render
from pulse_blocks.records import to_json
from pulse_blocks.snapshots import layout
from tests.lineage_world import World


def kinds(node: Node) -> list[str]:
    """Kind and id of all things in a tree, from the top."""
    return [f"{node.kind} {node.id}", *(one for child in node.children for one in kinds(child))]


def test_an_inference_is_traced_to_its_datasource(world: World) -> None:
    """Inference, model, run and snapshot, in that order, with the facts of ledger, bundle and manifest."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model, flags=CACHED)
    node = trace(world.workspace, inference)
    assert kinds(node) == [
        f"inference {inference}",
        f"model {trained.model}",
        f"run {trained.run}",
        f"snapshot {snapshot.id}",
    ]
    assert node.facts["time"] == "2026-01-16T08:00:00Z"
    assert node.facts["cached"] is True
    assert node.facts["fallback"] is False
    assert node.facts["input_hash"] == "sha256:" + hashlib.sha256(b'{"weight":1.0}').hexdigest()
    model = node.children[0]
    assert model.facts == {"name": "tiny", "version": "1.0.0", "trees_hash": f"sha256:{trained.trees}"}
    assert model.children[0].facts == {
        "started": trained.started,
        "seconds": 272.0,
        "metrics": {"accuracy": 0.98468, "f1_score": 0.9621},
        "tracking_run": trained.tracking_run,
    }
    assert model.children[1].facts == {
        "datasource": "parcels",
        "created": snapshot.created,
        "rows": 1_247_832,
        "hash": f"sha256:{snapshot.hash}",
    }


def test_the_printed_tree_has_the_documented_form(world: World) -> None:
    """The same lines in the same order as the documented tree, with this workspace's values."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model)
    given = hashlib.sha256(b'{"weight":1.0}').hexdigest()
    said = hashlib.sha256(b'{"probability":0.5}').hexdigest()
    assert render(trace(world.workspace, inference)) == (
        f"Inference: {inference}\n"
        f"├── Model: {trained.model}\n"
        f"│   ├── Training Run: {trained.run}\n"
        "│   │   ├── Started: 2026-01-15T02:00:00Z\n"
        "│   │   ├── Duration: 4m 32s\n"
        "│   │   └── Metrics:\n"
        "│   │       ├── accuracy: 0.9847\n"
        "│   │       └── f1_score: 0.9621\n"
        f"│   └── Snapshot: {snapshot.id}\n"
        "│       ├── Datasource: parcels\n"
        "│       ├── Created: 2026-01-15T01:59:45Z\n"
        "│       ├── Rows: 1,247,832\n"
        f"│       └── Hash: sha256:{snapshot.hash[:8]}...\n"
        f"├── Input Hash: sha256:{given[:6]}...\n"
        f"└── Output Hash: sha256:{said[:6]}..."
    )


def test_a_snapshot_shows_what_stands_on_it_and_nothing_else(world: World) -> None:
    """Its runs, the oldest first, their models, and how many inferences those have made."""
    snapshot, other = world.snapshot("a"), world.snapshot("b")
    first, second = world.train(snapshot, "one"), world.train(snapshot, "two")
    for trained, of in ((first, snapshot), (second, snapshot), (world.train(other, "three"), other)):
        world.keep(trained, of)
    world.infer(first.model, 3)
    node = trace(world.workspace, snapshot.id)
    assert kinds(node) == [
        f"snapshot {snapshot.id}",
        f"run {first.run}",
        f"model {first.model}",
        f"run {second.run}",
        f"model {second.model}",
    ]
    assert [run.children[0].facts["inferences"] for run in node.children] == [3, 0]


def test_a_run_shows_its_snapshot_and_its_models(world: World) -> None:
    """Also one that was trained and not stored: a run that was killed in between."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    assert kinds(trace(world.workspace, trained.run)) == [f"run {trained.run}", f"snapshot {snapshot.id}"]
    world.keep(trained, snapshot)
    assert kinds(trace(world.workspace, trained.run))[2:] == [f"model {trained.model}"]


def test_a_snapshot_that_nothing_stands_on_is_shown(world: World) -> None:
    """Its facts come from the manifest alone."""
    snapshot = world.snapshot()
    assert kinds(trace(world.workspace, snapshot.id)) == [f"snapshot {snapshot.id}"]


def test_identical_trees_are_one_model_of_several_runs(world: World) -> None:
    """The model is traced to the run that made its bundle; each run shows the model."""
    snapshot, other = world.snapshot("a"), world.snapshot("b")
    first, again = world.train(snapshot, "same"), world.train(other, "same")
    world.keep(first, snapshot)
    world.keep(again, other)
    assert first.model == again.model
    assert kinds(trace(world.workspace, first.model))[1:] == [f"run {first.run}", f"snapshot {snapshot.id}"]
    for run in (first.run, again.run):
        assert f"model {first.model}" in kinds(trace(world.workspace, run))


@pytest.mark.parametrize("digits", [1, 4, 11])
def test_a_unique_beginning_is_enough(world: World, digits: int) -> None:
    """For every kind of id."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model)
    assert trace(world.workspace, snapshot.id[: 5 + digits]).id == snapshot.id
    assert trace(world.workspace, trained.run[: 4 + digits]).id == trained.run
    assert trace(world.workspace, trained.model[: 5 + digits]).id == trained.model
    assert trace(world.workspace, inference[: 10 + digits]).id == inference


def test_an_ambiguous_beginning_names_candidates(world: World) -> None:
    """The error lists the first few, so that the next call is right."""
    snapshots = [world.snapshot(str(seed)) for seed in range(5)]
    trained = [world.train(snapshots[0], seed) for seed in "ab"]
    for one in trained:
        world.keep(one, snapshots[0])
    world.infer(trained[0].model, 2)
    for prefix, some in (
        ("snap_", sorted(one.id for one in snapshots)[:3]),
        ("run_", sorted(one.run for one in trained)),
        ("tiny@1.0.0", sorted(one.model for one in trained)),
        ("inference_", []),
    ):
        with pytest.raises(PulseError) as caught:
            trace(world.workspace, prefix)
        assert caught.value.code == "lineage.ambiguous"
        assert all(one in caught.value.message for one in some)


@pytest.mark.parametrize(
    "unknown",
    [
        "snap_ffffffffffff",
        "run_000000000000",
        "tiny@9.9.9-0000000",
        "inference_" + "0" * 26,
        "../../@x",
        "snap_*",
        "run_%",
    ],
)
def test_an_unknown_id_is_one_clear_error(world: World, unknown: str) -> None:
    """It names what was asked for; an id is never a path or a pattern."""
    snapshot = world.snapshot()
    world.keep(world.train(snapshot), snapshot)
    with pytest.raises(PulseError) as caught:
        trace(world.workspace, unknown)
    assert caught.value.code == "lineage.unknown"
    assert unknown in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("nothing", ["", "tiny", "snapshot", "INFERENCE_01", "run"])
def test_what_is_no_id_is_told_with_the_forms_of_ids(world: World, nothing: str) -> None:
    """The hint shows what an id looks like."""
    with pytest.raises(PulseError) as caught:
        trace(world.workspace, nothing)
    assert caught.value.code == "lineage.no_id"
    assert "snap_" in str(caught.value.hint)


def test_a_manifest_that_is_gone_is_said_in_the_tree(world: World) -> None:
    """The bundle still knows the facts of its snapshot; from the data's side nothing but the gap is known."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model)
    world.lose(layout.manifest_key(snapshot.id))
    found = trace(world.workspace, inference).children[0].children[1]
    assert found.facts["rows"] == snapshot.rows
    assert "manifest cannot be read" in found.facts["missing"]
    assert "Missing: its manifest cannot be read." in render(trace(world.workspace, inference))
    from_data = trace(world.workspace, snapshot.id)
    assert "missing" in from_data.facts
    assert kinds(from_data)[1:] == [f"run {trained.run}", f"model {trained.model}"]


def test_a_bundle_that_is_gone_is_said_and_the_ledger_goes_on(world: World) -> None:
    """The stages' own records lead to the run and the snapshot."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model)
    whole = trace(world.workspace, inference)
    world.lose(key_of(trained.model))
    model = trace(world.workspace, inference).children[0]
    assert "bundle cannot be read" in model.facts.pop("missing")
    assert model == whole.children[0]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b"[1", b'{"format":1}'])
def test_a_damaged_bundle_or_manifest_is_said_and_never_believed(world: World, damage: bytes) -> None:
    """Whatever bytes are there instead: the tree says so, and no exception ends it."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    (inference,) = world.infer(trained.model)
    for key in (key_of(trained.model), layout.manifest_key(snapshot.id)):
        world.lose(key)
        world.store.create(key, damage)
    model = trace(world.workspace, inference).children[0]
    assert "missing" in model.facts
    assert "missing" in model.children[1].facts


def test_a_bundle_of_other_bytes_is_not_believed(world: World) -> None:
    """A sound bundle whose sha256 is not the stored one: its metrics must not be shown."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    world.keep(trained, snapshot)
    key = key_of(trained.model)
    forged = world.store.get(key).replace(b"0.98468", b"0.99999")
    world.lose(key)
    world.store.create(key, forged)
    node = trace(world.workspace, trained.model)
    assert "is not the one that was stored" in node.facts["missing"]
    assert node.children[0].facts["metrics"]["accuracy"] == 0.98468


def test_an_inference_of_a_model_that_nobody_knows_is_still_answered(world: World) -> None:
    """What the ledger has is told, and that the rest is missing."""
    (inference,) = world.infer("tiny@1.0.0-0000000")
    text = render(trace(world.workspace, inference))
    assert "├── Model: tiny@1.0.0-0000000\n│   └── Missing: " in text
    assert "Input Hash" in text


def test_a_tree_survives_json(world: World) -> None:
    """``--json`` gives kind, id, facts and children of every node."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    node = trace(world.workspace, trained.run)
    assert msgspec.json.decode(to_json(node), type=Node) == node


def test_a_workspace_without_a_ledger_is_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing has been recorded: a clear refusal, and no ledger is made by asking."""
    root = tmp_path_factory.mktemp("empty")
    with pytest.raises(PulseError):
        trace(settings.load(root, environ={}), "snap_9f2c41ab77e0")
    assert list(root.iterdir()) == []
