"""From the data towards predictions: counts, who is live, refused runs, streamed ids."""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest

from pulse_blocks.errors import PulseError
from pulse_blocks.ids import inference_time
from pulse_blocks.ledger.rows import NewLabel
from pulse_blocks.lineage import Node, inferences_on, trace, trace_at
from pulse_blocks.lineage.node import Places, time_of
from pulse_blocks.lineage.text import render
from pulse_blocks.records import StoredModel, to_json
from pulse_blocks.snapshots import layout
from tests.lineage_world import World


def kinds(node: Node) -> list[str]:
    """Kind and id of all things in a tree, from the top."""
    return [f"{node.kind} {node.id}", *(one for child in node.children for one in kinds(child))]


def stored_model(world: World, seed: str) -> StoredModel:
    """A model on a snapshot of its own."""
    snapshot = world.snapshot(seed)
    return world.keep(world.train(snapshot, seed), snapshot)


def places(world: World) -> Places:
    """Where traces of the world look."""
    return Places(ledger=world.ledger, store=world.store)


def test_a_datasource_shows_all_that_stands_on_it(world: World) -> None:
    """Its snapshots, their runs and models, and how much that is in one line."""
    first, second = stored_model(world, "a"), stored_model(world, "b")
    world.infer(first.model, 3)
    world.infer(second.model, 2)
    live = world.promote(second)
    node = trace(world.workspace, "parcels")
    assert (node.kind, node.id) == ("datasource", "parcels")
    assert {child.id for child in node.children} == {first.snapshot, second.snapshot}
    assert f"model {first.model}" in kinds(node)
    assert node.facts == {
        "snapshots": 2,
        "standing": {"models": 2, "inferences": 5, "live_since": time_of(live.at)},
    }
    assert render(node).splitlines()[:3] == [
        "Datasource: parcels",
        "├── Snapshots: 2",
        f"├── Standing on it: 2 models, 5 inferences, live since {time_of(live.at)}",
    ]


def test_counts_are_whole_numbers_of_people(world: World) -> None:
    """One is singular, and where nothing is live nothing is said of it."""
    stored = stored_model(world, "a")
    world.infer(stored.model)
    assert "├── Standing on it: 1 model, 1 inference\n" in render(trace(world.workspace, stored.snapshot))
    assert "├── Standing on it: 1 inference\n" in render(trace(world.workspace, stored.model))


def test_a_snapshot_whose_manifest_is_gone_still_belongs_to_its_datasource(world: World) -> None:
    """The ledger remembers it; the tree says what is missing."""
    stored = stored_model(world, "a")
    world.lose(layout.manifest_key(stored.snapshot))
    node = trace(world.workspace, "parcels")
    assert kinds(node)[1:] == [
        f"snapshot {stored.snapshot}",
        f"run {stored.run}",
        f"model {stored.model}",
    ]
    assert "Missing: its manifest cannot be read." in render(node)


def test_one_damaged_manifest_does_not_hide_the_others(world: World) -> None:
    """A datasource is shown with all that can be read."""
    stored, other = stored_model(world, "a"), stored_model(world, "b")
    world.lose(layout.manifest_key(other.snapshot))
    world.store.create(layout.manifest_key(other.snapshot), b"[")
    assert {child.id for child in trace(world.workspace, "parcels").children} == {
        stored.snapshot,
        other.snapshot,
    }


def test_live_since_is_the_last_unbroken_time(world: World) -> None:
    """A model that came back is live since it came back; one that went is not live."""
    first, second = stored_model(world, "a"), stored_model(world, "b")
    world.promote(first)
    world.promote(second)
    back = world.promote(first)
    world.promote(first)
    assert trace(world.workspace, first.snapshot).facts["standing"]["live_since"] == time_of(back.at)
    assert trace(world.workspace, second.snapshot).facts["standing"]["live_since"] is None
    assert trace(world.workspace, first.model).facts["standing"]["live_since"] == time_of(back.at)


def test_a_refused_run_is_told_with_its_reason(world: World) -> None:
    """By its id and below its snapshot, with the metrics that did not suffice."""
    snapshot = world.snapshot()
    refused = world.refuse(snapshot, reason="roc_auc 0.6612 is below the gate 0.70.")
    node = trace(world.workspace, refused.run[:8])
    assert kinds(node) == [f"run {refused.run}", f"snapshot {snapshot.id}"]
    assert node.facts["refused"] == refused.reason
    assert "├── Refused: roc_auc 0.6612 is below the gate 0.70.\n" in render(node)
    assert "    └── Refused: roc_auc 0.6612" in render(trace(world.workspace, snapshot.id))


def test_a_run_that_was_resumed_and_held_is_not_refused(world: World) -> None:
    """The training that succeeded counts, whatever an earlier try of it said."""
    snapshot = world.snapshot()
    trained = world.train(snapshot)
    attempt = world.ledger.begin("tiny", "again").id
    refused = world.refuse(snapshot)
    again = to_json(msgspec.structs.replace(refused, run=trained.run))
    world.ledger.finish_stage(attempt, "refused", trained.run, again, 1.0)
    assert "refused" not in trace(world.workspace, trained.run).facts
    runs = trace(world.workspace, snapshot.id).children
    assert [run.id for run in runs if "refused" in run.facts] == [refused.run]


def test_at_a_time_the_pointer_and_its_model_are_told(world: World) -> None:
    """Who was champion then, since when, until when, and the model down to its data."""
    first, second = stored_model(world, "a"), stored_model(world, "b")
    moves = [world.promote(first), world.promote(second)]
    at = dt.datetime.fromtimestamp(moves[0].at / 1e6, dt.UTC)
    node = trace_at(world.workspace, "tiny", at)
    assert kinds(node) == [
        "champion tiny",
        f"model {first.model}",
        f"run {first.run}",
        f"snapshot {first.snapshot}",
    ]
    assert node.facts["since"] == time_of(moves[0].at)
    assert node.facts["until"] == time_of(moves[1].at)
    now = trace(world.workspace, "tiny")
    assert now.children[0].id == second.model
    assert now.facts["until"] is None
    assert now.facts["previous"] == first.model


def test_before_the_first_promotion_nobody_was_champion(world: World) -> None:
    """A clear refusal that says when the first one came, and for a name that never had one, who did."""
    world.promote(stored_model(world, "a"))
    with pytest.raises(PulseError) as early:
        trace_at(world.workspace, "tiny", dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    assert early.value.code == "lineage.not_yet"
    with pytest.raises(PulseError) as unknown:
        trace_at(world.workspace, "tinny", dt.datetime.now(dt.UTC))
    assert "tiny" in unknown.value.message


def test_ids_are_streamed_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All inferences of all models of a thing, each once, with pages that end anywhere."""
    first, second = stored_model(world, "a"), stored_model(world, "b")
    made = world.infer(first.model, 7)
    other = world.infer(second.model, 4)
    for page in (1, 2, 7, 100):
        monkeypatch.setattr("pulse_blocks.ledger.inferences._PAGE", page)
        for asked in (first.model, first.run, first.snapshot):
            assert sorted(inferences_on(places(world), asked)) == sorted(made)
        assert sorted(inferences_on(places(world), "parcels")) == sorted(made + other)


def test_streaming_reads_no_more_than_is_asked_for(world: World) -> None:
    """The first ids come without reading the rest."""
    stored = stored_model(world, "a")
    made = world.infer(stored.model, 50)
    assert set(itertools.islice(inferences_on(places(world), stored.model), 3)) <= set(made)


def test_no_inference_stands_on_an_inference(world: World) -> None:
    """The question makes no sense, and is told so; an unknown name too."""
    (made,) = world.infer("tiny@1.0.0-0000000")
    with pytest.raises(PulseError) as caught:
        list(inferences_on(places(world), made))
    assert caught.value.code == "lineage.nothing_stands"
    with pytest.raises(PulseError) as caught:
        list(inferences_on(places(world), "nothing"))
    assert caught.value.code == "lineage.no_id"


def test_an_inference_that_is_gone_says_when_it_was_made(world: World) -> None:
    """The time in the id and the ledger's first one tell an archived row from another workspace's."""
    (made,) = world.infer("tiny@1.0.0-0000000")
    gone = "inference_" + "0" * 9 + "1" + "0" * 16
    with pytest.raises(PulseError) as caught:
        trace(world.workspace, gone)
    assert "made at 1970-01-01" in caught.value.message
    assert inference_time(made).strftime("%Y-%m-%d") in caught.value.message


def test_a_model_of_another_workspace_says_so(world: World) -> None:
    """Neither bundle nor ledger know it: the tree says which link is missing, and why."""
    (made,) = world.infer("tiny@1.0.0-0000000")
    assert "made in another workspace" in trace(world.workspace, made).children[0].facts["missing"]


def test_the_newest_label_is_a_line_of_the_tree(world: World) -> None:
    """What turned out to be true is behind the hashes; without any the tree is as it was."""
    (made,) = world.infer("tiny@1.0.0-0000000")
    without = render(trace(world.workspace, made))
    for value in ("true", "false"):
        world.ledger.label([NewLabel(inference=made, value=value)])
    assert (
        render(trace(world.workspace, made))
        == without.replace("└── Output", "├── Output") + "\n└── Label: false"
    )
